-- SPDX-License-Identifier: GPL-3.0-or-later
-- The generic reader: walks plans over keys and returns all that they hold, as of one moment.
-- Knows no layout: key templates come in ARGV (src/netdox/layout.c has them). plan.c sends the
-- arguments and reads the answer; what it appends to this text says what is returned.
--
-- ARGV: number of the main database, number of the processed one, key of the hash of stamps,
-- number of groups, then for each group: mode ("full"; "keys": no values but of the sets that
-- are walked), number of steps, for each step depth, database (0 or 1), how (key, member,
-- field), types, template of the key, template of the member; number of instances, the instances
-- ($0).
-- Answer: for each instance and each step that ran: type of the key, its stamp or "", number of
-- items, the items.

local at = 0

local function take()
	at = at + 1
	return ARGV[at]
end

local function take_number()
	return tonumber(take())
end

local databases = { take(), take() }
local stamps_key = take()
local selected = databases[1]

local function use(database)
	if databases[database + 1] ~= selected then
		selected = databases[database + 1]
		redis.call('SELECT', selected)
	end
end

local function type_of(key)
	return redis.call('TYPE', key).ok
end

-- True when the blank-separated list of types has this one.
local function allows(types, kind)
	return types == '*' or string.find(' ' .. types .. ' ', ' ' .. kind .. ' ', 1, true) ~= nil
end

local function stream_items(key)
	local items = {}
	for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do
		items[#items + 1] = entry[1]
		items[#items + 1] = #entry[2]
		for _, text in ipairs(entry[2]) do
			items[#items + 1] = text
		end
	end
	return items
end

-- The whole value of a key, flat.
local function items_of(key, kind)
	if kind == 'string' then
		return { redis.call('GET', key) }
	elseif kind == 'list' then
		return redis.call('LRANGE', key, 0, -1)
	elseif kind == 'hash' then
		return redis.call('HGETALL', key)
	elseif kind == 'set' then
		return redis.call('SMEMBERS', key)
	elseif kind == 'zset' then
		return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
	elseif kind == 'stream' then
		return stream_items(key)
	end
	return {}
end

-- Whether a set has a member; a hash that stands for a set has fields.
local function has_member(key, kind, member)
	if kind == 'set' then
		return redis.call('SISMEMBER', key, member) == 1
	elseif kind == 'hash' then
		return redis.call('HEXISTS', key, member) == 1
	end
	return false
end

local function take_steps()
	local steps = {}
	local count = take_number()
	for i = 1, count do
		steps[i] = {
			depth = take_number(), database = take_number(), how = take(),
			types = take(), key = take(), member = take(),
		}
	end
	for i = 1, count do
		local after = i + 1
		while after <= count and steps[after].depth > steps[i].depth do
			after = after + 1
		end
		steps[i].after = after
	end
	return steps, count
end

local function read_plans()
	local out, size, vars = {}, 0, {}
	local mode, steps, stamped

	local function put(value)
		size = size + 1
		out[size] = value
	end

	local function expand(template)
		return (string.gsub(template, '%$(%d)', vars))
	end

	local function answer(kind, stamp, items)
		put(kind)
		put(stamp)
		put(#items)
		for i = 1, #items do
			put(items[i])
		end
		return items, kind
	end

	local function read_step(step, walks)
		local key = expand(step.key)
		use(step.database)
		local kind = type_of(key)
		if not allows(step.types, kind) then
			return answer(kind, '', {})
		end
		if step.how == 'member' then
			local member = expand(step.member)
			return answer(kind, '', has_member(key, kind, member) and { member } or {})
		elseif step.how == 'field' then
			local field = expand(step.member)
			local value = kind == 'hash' and redis.call('HGET', key, field)
			return answer(kind, '', value and { value } or {})
		end
		local stamp = ''
		if stamped and step.database == 0 and kind ~= 'none' and mode == 'full' then
			stamp = redis.call('HGET', stamps_key, key) or ''
		end
		if mode == 'keys' and not walks then
			return answer(kind, stamp, {})
		end
		return answer(kind, stamp, items_of(key, kind))
	end

	local function run(first, stop)
		local i = first
		while i < stop do
			local step = steps[i]
			local walks = step.after > i + 1
			local items, kind = read_step(step, walks)
			if walks then
				local name = tostring(step.depth + 1)
				for j = 1, #items, kind == 'hash' and 2 or 1 do
					vars[name] = items[j]
					run(i + 1, step.after)
				end
				vars[name] = nil
			end
			i = step.after
		end
	end

	use(0)
	stamped = type_of(stamps_key) == 'hash'
	for _ = 1, take_number() do
		local count
		mode = take()
		steps, count = take_steps()
		for _ = 1, take_number() do
			vars['0'] = take()
			run(1, count + 1)
		end
	end
	use(0)
	return out
end
