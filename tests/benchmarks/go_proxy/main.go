// A reverse proxy as Go's standard library has it, with a line in the log for each request.
//
//	main ADDRESS URL KEPT: listens at ADDRESS, asks URL, keeps KEPT idle connections to it (0: as many as Go does)
package main

import (
	"crypto/tls"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
)

func main() {
	gateway, _ := url.Parse(os.Args[2])
	kept, _ := strconv.Atoi(os.Args[3])
	proxy := httputil.NewSingleHostReverseProxy(gateway)
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: kept}
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Printf("%s %s %s", r.RemoteAddr, r.Method, r.URL)
		proxy.ServeHTTP(w, r)
	})))
}
