-- Posts the bodies of some files in turn over every connection, and says as JSON what came of it.

local bodies, next_body = {}, 0

function init(arguments)
  for _, name in ipairs(arguments) do
    local file = assert(io.open(name, "rb"))
    bodies[#bodies + 1] =
      wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, file:read("*a"))
    file:close()
  end
end

function request()
  next_body = next_body % #bodies + 1
  return bodies[next_body]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "p50": %d, "p95": %d, "p99": %d, "failed": %d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
