-- The best seats among some rows of a zone, which are given from the front to the back.
--
-- A run is a maximal group of adjacent free seats; a block is adjacent seats of one run; an
-- orphan is a single seat of the run that a block leaves free beside it. The best block leaves no
-- orphan. Of several, it is in the row nearest the front; in that row, its middle is nearest the
-- middle of the row; of two, it is the left one. Where every block leaves an orphan (each run is
-- longer by just one seat), the same order decides among them.
--
-- Without any block of the wanted length, the longest run is taken whole (of several the nearest to
-- the front, then to the middle, then the left one). This repeats for the missing seats until they
-- fit into one block, the best for them. No choice has fewer blocks.

local function is_better(one, other)
  if one.has_orphan ~= other.has_orphan then return other.has_orphan end
  if one.place ~= other.place then return one.place < other.place end
  if one.distance ~= other.distance then return one.distance < other.distance end
  return one.first < other.first
end

local function better(one, other)
  return one and not is_better(other, one) and one or other
end

-- Return a block: some seats of a run, or all. Its distance is twice that of its middle from the
-- row's.
local function block_of(run, first, length)
  local left, right = first - run.first, run.first + run.length - first - length
  return {
    place = run.place, row = run.row, width = run.width, first = first, length = length,
    distance = math.abs(2 * first + length - 2 - run.width),
    has_orphan = left == 1 or right == 1,
  }
end

local function best_block_of(run, length)
  local best
  for first = run.first, run.first + run.length - length do best = better(best, block_of(run, first, length)) end
  return best
end

-- Call `visit` with the first seat and the length of each run of a row, from left to right.
local function each_run(row, width, visit)
  if redis.call('HLEN', row) == 0 then return visit(1, width) end
  local taken, records = {}, redis.call('HGETALL', row)
  for place = 1, #records, 2 do
    if not is_free(records[place + 1]) then taken[tonumber(records[place])] = true end
  end
  local first = 1
  for column = 1, width + 1 do
    if taken[column] or column > width then
      if column > first then visit(first, column - first) end
      first = column + 1
    end
  end
end

-- Return the fewest blocks with so many seats; `runs` lists the runs of each length, the best
-- first.
local function fewest_blocks(runs, missing)
  local blocks, longest = {}, #runs
  while true do
    while #runs[longest] == 0 do longest = longest - 1 end
    if missing <= longest then break end
    blocks[#blocks + 1] = table.remove(runs[longest], 1)
    missing = missing - longest
  end
  local best
  for length = missing, longest do
    for _, run in ipairs(runs[length]) do best = better(best, best_block_of(run, missing)) end
  end
  blocks[#blocks + 1] = best
  table.sort(blocks, function(one, other)
    return one.place < other.place or one.place == other.place and one.first < other.first
  end)
  return blocks
end

-- Return the blocks to hold; or nil and, for each row with free seats, its place and their number:
-- together they are fewer than wanted.
--
-- The search ends in the first row with a block that leaves no orphan. It stores no more shorter
-- runs than may be needed.
local function best_seats(rows, width, wanted)
  local with_orphan, runs, free, free_in = nil, {}, 0, {}
  for length = 1, wanted - 1 do runs[length] = {} end
  for place, row in ipairs(rows) do
    local best, short_runs, free_here = nil, {}, 0
    each_run(row, width, function(first, length)
      free_here = free_here + length
      if length < wanted and #runs[length] >= wanted then return end
      local run = {place = place, row = row, width = width, first = first, length = length}
      if length >= wanted then
        best = better(best, best_block_of(run, wanted))
      else
        short_runs[#short_runs + 1] = block_of(run, first, length)
      end
    end)
    if best and not best.has_orphan then return {best} end
    with_orphan = with_orphan or best
    table.sort(short_runs, is_better)
    for _, run in ipairs(short_runs) do table.insert(runs[run.length], run) end
    free = free + free_here
    if free_here > 0 then free_in[#free_in + 1] = {place, free_here} end
  end
  if with_orphan then return {with_orphan} end
  if free >= wanted then return fewest_blocks(runs, wanted) end
  return nil, free_in
end
