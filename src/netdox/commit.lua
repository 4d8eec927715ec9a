-- SPDX-License-Identifier: GPL-3.0-or-later
-- The generic writer, after read.lua in one script. Knows no layout. Redis rolls nothing back,
-- so first everything that can be refused is looked at, then everything is written, then what
-- really changed is logged and stamped; nothing may fail after the first write.
--
-- ARGV after the first three of read.lua: key of the changelog, stamp ("" = nothing is logged and
-- nothing stamped: what is written brings its own), 1 when the call is sent again because its
-- answer was lost (else 0), number of entries, for each change, value, plugin; number of
-- operations, the operations; then the groups of a plan whose answer goes back (as of
-- after the commit). An operation is its name and its own
-- arguments; `entry` is the number of the entry that is logged when something really changed (0
-- = none; an entry is logged once).
-- Answer: status, three texts about it, 1 when something changed, the plan's answer. Status OK,
-- or nothing was written:
--   WRONGTYPE key, types, found type
--   DENIED command, key
--   FULL (the changelog takes no more entries)
--   else the word of the expectation that was not met, and its key.

local log_key, stamp = take(), take()
local sent_again = take_number() == 1
local has_books = stamp ~= ''
local entries, logged, log_order = {}, {}, {}
local touched, touch_order = {}, {}
local database = 0

local function refuse(status, a, b, c)
	return { status = status, a = a or '', b = b or '', c = c or '' }
end

-- Rights cannot be asked for before Redis 7; there, a user without them would break a commit
-- half way.
local function may(command, ...)
	if not redis.acl_check_cmd or redis.acl_check_cmd(command, ...) then
		return nil
	end
	return refuse('DENIED', command, (...))
end

local function right_type(key, types)
	local kind = type_of(key)
	if kind == 'none' or allows(types, kind) then
		return nil, kind
	end
	return refuse('WRONGTYPE', key, types, kind), kind
end

local function log(entry)
	if entry > 0 and not logged[entry] then
		logged[entry] = true
		log_order[#log_order + 1] = entries[entry]
	end
end

local function touch(key)
	if database == 0 and not touched[key] then
		touched[key] = true
		touch_order[#touch_order + 1] = key
	end
end

-- Something really changed.
local changed = false
local function done(key, entry)
	changed = true
	touch(key)
	log(entry)
end

local function take_items(count)
	local items = {}
	for i = 1, count do
		items[i] = take()
	end
	return items
end

-- The value that an optional argument pair (1 or 0, text) gives; false for "absent".
local function take_optional()
	local there, text = take_number(), take()
	return there == 1 and text
end

local function same_list(a, b)
	if #a ~= #b then
		return false
	end
	for i = 1, #a do
		if a[i] ~= b[i] then
			return false
		end
	end
	return true
end

-- Flat pairs or members in any order; as_number: values are scores.
local function same_map(a, b, stride, as_number)
	local values = {}
	if #a ~= #b then
		return false
	end
	for i = 1, #a, stride do
		values[a[i]] = a[i + stride - 1]
	end
	for i = 1, #b, stride do
		local x, y = values[b[i]], b[i + stride - 1]
		if x ~= y and not (as_number and x and tonumber(x) == tonumber(y)) then
			return false
		end
	end
	return true
end

local function same_value(kind, a, b)
	if kind == 'hash' then
		return same_map(a, b, 2)
	elseif kind == 'zset' then
		return same_map(a, b, 2, true)
	elseif kind == 'set' then
		return same_map(a, b, 1)
	elseif kind == 'stream' then
		for i = 1, #a do
			a[i] = tostring(a[i]) -- read.lua counts in numbers
		end
	end
	return same_list(a, b)
end

-- Redis' own limit of arguments that Lua can spread is near 8,000.
local chunk = 5000
local function write_items(command, key, items)
	for i = 1, #items, chunk do
		redis.call(command, key, unpack(items, i, math.min(i + chunk - 1, #items)))
	end
end

-- Entries of a stream with their own ids, flat as read.lua gives them.
local function write_entries(key, items)
	local at = 1
	while at <= #items do
		local last = at + 1 + tonumber(items[at + 1])
		redis.call('XADD', key, items[at], unpack(items, at + 2, last))
		at = last + 1
	end
end

-- A stream without entries is a key too.
local function make_stream(key)
	redis.call('XADD', key, '0-1', '', '')
	redis.call('XDEL', key, '0-1')
end

-- Members and scores; ZADD takes them the other way round.
local function scores_first(items)
	local turned = {}
	for i = 1, #items, 2 do
		turned[i], turned[i + 1] = items[i + 1], items[i]
	end
	return turned
end

local writers = { string = 'SET', list = 'RPUSH', hash = 'HSET', set = 'SADD', none = 'DEL' }

-- Adds items to those that are there.
local function write_more(key, kind, items)
	if kind == 'stream' then
		write_entries(key, items)
	elseif kind == 'zset' then
		write_items('ZADD', key, scores_first(items))
	else
		write_items(writers[kind], key, items)
	end
end

local function write_whole(key, kind, items)
	local ttl = redis.call('PTTL', key)
	if kind == 'string' then
		redis.call('SET', key, items[1])
	else
		redis.call('DEL', key)
		if kind == 'stream' and #items == 0 then
			make_stream(key)
		elseif kind ~= 'none' then
			write_more(key, kind, items)
		end
	end
	if ttl >= 0 and #items > 0 then
		redis.call('PEXPIRE', key, math.max(ttl, 1))
	end
end

-- Whether items of that type may be written.
local function may_write(kind, key, items)
	if kind == 'zset' then
		return may('ZADD', key, '0', '')
	elseif kind == 'stream' then
		return may('XADD', key, '*', '', '') or may('XDEL', key, '0-1')
	end
	return may(writers[kind], key, unpack(items, 1, math.min(2, #items)))
end

-- Whether two who both made NEW of the text OLD may each have meant a step of their own: a number
-- counted up twice must not have moved once. When the call is sent again, the other was itself.
local function is_step(old, new)
	return old and new and tonumber(old) and tonumber(new) and not sent_again
end

-- The same of items of a kind: nor must a list be one line short.
local function is_step_of(kind, old, new)
	return kind == 'list' and not sent_again or kind == 'string' and is_step(old[1], new[1])
end

-- Each operation: read takes its arguments, check (before any write) returns a refusal or nil,
-- write does it.
local operations = {}

-- database N: the operations that follow are on that one.
operations.database = {
	read = function(op)
		op.database = take_number()
	end,
	check = function(op)
		database = op.database
		use(database)
	end,
	write = function(op)
		database = op.database
		use(database)
	end,
}

-- member KEY TYPES MEMBER THERE STATUS: refuses with STATUS unless the set has (THERE 1) or has
-- not (0) the member.
operations.member = {
	read = function(op)
		op.key, op.types, op.member = take(), take(), take()
		op.there, op.status = take_number() == 1, take()
	end,
	check = function(op)
		local wrong, kind = right_type(op.key, op.types)
		if wrong then
			return wrong
		end
		if has_member(op.key, kind, op.member) ~= op.there then
			return refuse(op.status, op.key)
		end
	end,
}

-- absent KEY STATUS: refuses with STATUS when the key is there.
operations.absent = {
	read = function(op)
		op.key, op.status = take(), take()
	end,
	check = function(op)
		if type_of(op.key) ~= 'none' then
			return refuse(op.status, op.key)
		end
	end,
}

-- equals KEY THERE TEXT STATUS: refuses with STATUS unless the string has this value (THERE 0:
-- is not there).
operations.equals = {
	read = function(op)
		op.key, op.value, op.status = take(), take_optional(), take()
	end,
	check = function(op)
		local wrong, kind = right_type(op.key, 'string')
		if wrong then
			return wrong
		end
		if (kind == 'string' and redis.call('GET', op.key)) ~= op.value then
			return refuse(op.status, op.key)
		end
	end,
}

-- add KEY TYPES MEMBER ENTRY: into a set (or as a field of a hash that stands for one).
operations.add = {
	read = function(op)
		op.key, op.types, op.member, op.entry = take(), take(), take(), take_number()
	end,
	check = function(op)
		local wrong, kind = right_type(op.key, op.types)
		op.hash = kind == 'hash'
		if op.hash then
			return wrong or may('HSETNX', op.key, op.member, '')
		end
		return wrong or may('SADD', op.key, op.member)
	end,
	write = function(op)
		local added
		if op.hash then
			added = redis.call('HSETNX', op.key, op.member, '')
		else
			added = redis.call('SADD', op.key, op.member)
		end
		if added == 1 then
			done(op.key, op.entry)
		end
	end,
}

-- remove KEY TYPES MEMBER GUARD ENTRY: out of a set (or hash), unless the key GUARD is there (""
-- = no guard).
operations.remove = {
	read = function(op)
		op.key, op.types, op.member = take(), take(), take()
		op.guard, op.entry = take(), take_number()
	end,
	check = function(op)
		local wrong, kind = right_type(op.key, op.types)
		op.command = kind == 'hash' and 'HDEL' or 'SREM'
		return wrong or may(op.command, op.key, op.member)
	end,
	write = function(op)
		if op.guard ~= '' and redis.call('EXISTS', op.guard) == 1 then
			return
		end
		if redis.call(op.command, op.key, op.member) == 1 then
			done(op.key, op.entry)
		end
	end,
}

-- One part of a key, KEY PART OLD NEW ENTRY: from OLD to NEW (each an optional). get and remove are
-- commands, put makes one.
local function part_of(kind_wanted, get, put, remove, same)
	return {
		read = function(op)
			op.key, op.part = take(), take()
			op.old, op.new, op.entry = take_optional(), take_optional(), take_number()
		end,
		check = function(op)
			local wrong, kind = right_type(op.key, kind_wanted)
			if wrong then
				return wrong
			end
			local now = kind == kind_wanted and redis.call(get, op.key, op.part)
			op.skip = same(now, op.new)
			if not same(now, op.old) and (not op.skip or is_step(op.old, op.new)) then
				return refuse('STALE', op.key, op.part)
			end
			op.command = op.new and put(op) or { remove, op.key, op.part }
			return may(unpack(op.command))
		end,
		write = function(op)
			if not op.skip then
				redis.call(unpack(op.command))
				done(op.key, op.entry)
			end
		end,
	}
end

-- field: one field of a hash.
operations.field = part_of('hash', 'HGET', function(op)
	return { 'HSET', op.key, op.part, op.new }
end, 'HDEL', rawequal)

-- score: the score of a member of a sorted set. Scores have several spellings; false is "not there".
operations.score = part_of('zset', 'ZSCORE', function(op)
	return { 'ZADD', op.key, op.new, op.part }
end, 'ZREM', function(a, b)
	return a == b or (a and b and tonumber(a) == tonumber(b)) or false
end)

-- whole KEY OLDTYPE COUNT ITEMS NEWTYPE COUNT ITEMS ENTRY: a key's type and value, from the old
-- one to the new one. OLDTYPE any: whatever it is; NEWTYPE none: the key goes.
operations.whole = {
	read = function(op)
		op.key = take()
		op.old_type = take()
		op.old = take_items(take_number())
		op.new_type = take()
		op.new = take_items(take_number())
		op.entry = take_number()
	end,
	check = function(op)
		local kind = type_of(op.key)
		local now
		if kind == op.new_type then
			now = items_of(op.key, kind)
			op.skip = same_value(kind, now, op.new)
		end
		if op.skip and not (kind == op.old_type and is_step_of(kind, op.old, op.new)) then
			return nil
		end
		if op.old_type ~= 'any' then
			now = now or items_of(op.key, kind)
			if kind ~= op.old_type or not same_value(kind, now, op.old) then
				return refuse('STALE', op.key)
			end
		end
		return may_write(op.new_type, op.key, op.new)
			or may('DEL', op.key) or may('PTTL', op.key) or may('PEXPIRE', op.key, '1')
	end,
	write = function(op)
		if not op.skip then
			write_whole(op.key, op.new_type, op.new)
			done(op.key, op.entry)
		end
	end,
}

-- append KEY TYPE COUNT ITEMS: more items, whatever is there of that type; entries of a stream with
-- their own ids. Is logged by no entry.
operations.append = {
	read = function(op)
		op.key, op.kind = take(), take()
		op.new = take_items(take_number())
	end,
	check = function(op)
		local wrong = right_type(op.key, op.kind)
		return wrong or may_write(op.kind, op.key, op.new)
	end,
	write = function(op)
		write_more(op.key, op.kind, op.new)
		done(op.key, 0)
	end,
}

-- move FROM TO ENTRY: gives a key another name, over what is there; when FROM is not there, TO
-- goes.
operations.move = {
	read = function(op)
		op.from, op.to, op.entry = take(), take(), take_number()
	end,
	check = function(op)
		return may('RENAME', op.from, op.to) or may('DEL', op.to)
	end,
	write = function(op)
		if redis.call('EXISTS', op.from) == 1 then
			redis.call('RENAME', op.from, op.to)
			touch(op.from)
			done(op.to, op.entry)
		elseif redis.call('DEL', op.to) == 1 then
			done(op.to, op.entry)
		end
	end,
}

-- note KEY ENTRY: the entry is logged and the key stamped when an operation before it changed
-- something.
operations.note = {
	read = function(op)
		op.key, op.entry = take(), take_number()
	end,
	write = function(op)
		if changed then
			done(op.key, op.entry)
		end
	end,
}

local function check_books()
	if not has_books then
		return nil
	end
	use(0)
	local wrong, kind = right_type(log_key, 'stream')
	wrong = wrong or right_type(stamps_key, 'hash')
	wrong = wrong or may('XADD', log_key, '*', 'change', '')
	wrong = wrong or may('HSET', stamps_key, '', '') or may('HDEL', stamps_key, '')
	if wrong then
		return wrong
	end
	local info = kind == 'stream' and redis.call('XINFO', 'STREAM', log_key) or {}
	local highest = '18446744073709551615' -- milliseconds of an id
	for i = 1, #info, 2 do
		local last = info[i] == 'last-generated-id' and info[i + 1]
		if last and string.sub(last, 1, #highest) == highest then
			return refuse('FULL', log_key)
		end
	end
end

local function keep_books()
	if not has_books then
		return
	end
	use(0)
	for _, entry in ipairs(log_order) do
		local change, value, plugin = unpack(entry)
		redis.call('XADD', log_key, '*', 'change', change, 'value', value, 'plugin', plugin)
	end
	for _, key in ipairs(touch_order) do
		if redis.call('EXISTS', key) == 1 then
			redis.call('HSET', stamps_key, key, stamp)
		else
			redis.call('HDEL', stamps_key, key)
		end
	end
end

local function take_operations()
	local list = {}
	for i = 1, take_number() do
		entries[i] = { take(), take(), take() }
	end
	for i = 1, take_number() do
		local op = { what = operations[take()] }
		op.what.read(op)
		list[i] = op
	end
	return list
end

local function check_all(list)
	local refused = check_books()
	for _, op in ipairs(list) do
		if refused then
			break
		end
		refused = op.what.check and op.what.check(op)
	end
	database = 0
	use(0)
	return refused
end

local function commit()
	local list = take_operations()
	local refused = check_all(list)
	if refused then
		return refused
	end
	for _, op in ipairs(list) do
		if op.what.write then
			op.what.write(op)
		end
	end
	keep_books()
	return refuse('OK')
end

local result = commit()
local answer = read_plans()
return { result.status, result.a, result.b, result.c, changed and 1 or 0, answer }
