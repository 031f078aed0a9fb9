-- SPDX-License-Identifier: Apache-2.0
-- For wrk: wrk ... -s requests.lua URL -- FILE [COUNT]
-- FILE has a request a line, "PATH TOKEN", or "PATH TOKEN JSON" for a POST. Without COUNT they are sent in random order for as long as wrk runs; with it,
-- from the first on, until COUNT answers have come. The last line of the output is for bench/run.
local ready, answers, wanted = {}, 0, nil

function init(args)
  wanted = tonumber(args[2])
  for line in io.lines(args[1]) do
    local path, token, body = line:match("^(%S+) (%S+) ?(.*)$")
    local headers = {["Host"] = wrk.host, ["Authorization"] = "Bearer " .. token}
    if body ~= "" then
      headers["Content-Type"], headers["Prefer"] = "application/json", "return=representation"
      ready[#ready + 1] = wrk.format("POST", path, headers, body)
    else
      ready[#ready + 1] = wrk.format("GET", path, headers)
    end
  end
  math.randomseed(1)
  if wanted then -- a response function costs wrk a parse of every header, so there is none otherwise
    response = function()
      answers = answers + 1
      if answers >= wanted then wrk.thread:stop() end
    end
  end
end

local sent = 0
function request()
  if wanted then
    sent = sent + 1
    return ready[(sent - 1) % #ready + 1]
  end
  return ready[math.random(#ready)]
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("BENCH %d %d %d %d %d\n", summary.requests, summary.duration,
                         e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
