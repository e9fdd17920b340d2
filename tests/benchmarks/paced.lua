-- For wrk: each connection rests before it asks again, for 50 ms in the middle. The rests are the same in each run.
function delay()
  return math.random(0, 100)
end
