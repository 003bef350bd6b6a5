-- An identity of the server's process. Included by the scripts that answer with it.

local function run_id()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
end
