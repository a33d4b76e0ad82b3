import { commandStatuses } from '@fleetwire/protocol'
import type { Test } from 'tap'
import type { EventDraft, EventLog, LogRecord, RecordQuery } from '../../src/log/event-log.ts'
import { size, some } from '../helpers/sizes.ts'
import { append, commandDraft, type LogFactory, note, plain, type SomeCases } from './event-log-harness.ts'

/** Enough records for a snapshot to take several steps, with changes between them. */
const SEVERAL_STEPS = size('SNAPSHOT_RECORDS', { quick: 700, full: 1500 })

const ids = (records: readonly LogRecord[]) => records.map(record => record.topic.split('.').at(-1))

/** The ids of all pages. */
async function listAll(log: EventLog, query: Omit<RecordQuery, 'limit' | 'page'>, limit = 100) {
  const found: (string | undefined)[] = []
  for (let page: string | null = ''; page !== null; ) {
    const result = await log.list(page === '' ? { ...query, limit } : { ...query, limit, page })
    found.push(...ids(result.records))
    page = result.nextPage
  }
  return found
}

export async function contractOfRecords(t: Test, factory: LogFactory, ofReads: SomeCases): Promise<void> {
  t.test('the last `set` is the record, and `delete` removes it', async t => {
    const { log } = await factory(t)
    const topic = 'agents.a1.commands.c1'
    t.equal(await log.get(topic), undefined)
    const [first] = await append(log, commandDraft('c1'))
    const record = await log.get(topic)
    t.same(plain(record), {
      topic,
      type: first!.type,
      at: first!.at,
      version: first!.seq,
      json: first!.json,
      payload: first!.payload,
    })
    const [second] = await append(log, commandDraft('c1', { status: 'running' }))
    t.equal((await log.get(topic))!.version, second!.seq)
    t.match((await log.get(topic))!.payload, { status: 'running' })
    const [gone] = await append(log, { type: 'command:dropped', topic, payload: { n: 1 }, record: 'delete' })
    t.equal(await log.get(topic), undefined)
    t.same(await listAll(log, { kind: 'command' }), [])
    const page = await log.read({ topics: [topic], limit: 10 })
    t.same(page.status === 'ok' && page.events.map(event => event.seq), [first!.seq, second!.seq, gone!.seq])
    await append(log, { type: 'command:dropped', topic, payload: {}, record: 'delete' })
  })

  t.test('an append that expects another version changes nothing and returns the current record', async t => {
    const { log } = await factory(t)
    const draft = (status: string, expect: number) => commandDraft('c1', { status }, { expect })
    const [created] = await append(log, draft('queued', 0))
    const head = log.head
    const taken = await log.append([draft('running', 0), note(1)])
    t.equal(taken.status, 'conflict')
    t.match(taken.status === 'conflict' && taken.current!.payload, { status: 'queued' })
    t.equal(taken.status === 'conflict' && taken.current!.version, created!.seq)
    t.equal(log.head, head)
    const absent = await log.append([commandDraft('c2', {}, { expect: 7 })])
    t.same(absent, { status: 'conflict', current: undefined })
    const [running] = await append(log, draft('running', created!.seq))
    t.equal((await log.append([draft('cancelled', created!.seq)])).status, 'conflict')
    await append(log, { ...draft('x', running!.seq), record: 'delete' })
    t.equal((await log.append([draft('running', running!.seq)])).status, 'conflict')
    await append(log, draft('queued', 0))
  })

  t.test('an append may expect versions of several records: if one differs, nothing is written', async t => {
    const { log } = await factory(t)
    const draft = (id: string, n: number, expect: number) => commandDraft(id, { n }, { expect })
    const [first] = await append(log, draft('c1', 1, 0))
    const [second] = await append(log, draft('c2', 1, 0))
    const head = log.head
    const failed = await log.append([draft('c1', 2, first!.seq), note(1), draft('c2', 2, first!.seq)])
    t.match(failed, { status: 'conflict', current: { topic: second!.topic, version: second!.seq } })
    t.equal(log.head, head)
    t.equal((await log.get(first!.topic))!.version, first!.seq)
    // In one group: the second is checked against the state after the first, and its refusal does not affect the third.
    const results = await Promise.all([
      log.append([note(2), draft('c1', 3, first!.seq), draft('c2', 3, second!.seq)]),
      log.append([draft('c3', 4, 0), draft('c2', 4, second!.seq)]),
      log.append([draft('c3', 5, 0), draft('c4', 5, 0)]),
    ])
    t.same(
      results.map(({ status }) => status),
      ['ok', 'conflict', 'ok'],
    )
    const { records } = await log.list({ kind: 'command', limit: 10 })
    t.same(
      records.map(({ payload }) => (payload as { n: number }).n),
      [3, 3, 5, 5],
    )
    // A record may be set twice in one append: the expected version is the one before both.
    const twice = await append(log, draft('c1', 6, records[0]!.version), commandDraft('c1', { n: 7 }))
    t.match(await log.get(first!.topic), { version: twice[1]!.seq, payload: { n: 7 } })
  })

  t.test('exactly one of many concurrent appends that create a record wins, and each gets a result', async t => {
    const { log } = await factory(t)
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, n) => log.append([commandDraft('c1', { n }, { expect: 0 }), note(n)])),
    )
    const won = results.filter(result => result.status === 'ok')
    t.equal(won.length, 1)
    t.equal(results.filter(result => result.status === 'conflict').length, 49)
    for (const result of results) {
      if (result.status === 'conflict') t.equal(result.current!.version, won[0]!.events[0]!.seq)
    }
    const page = await log.read({ topics: ['>'], limit: 10 })
    t.equal(page.status === 'ok' && page.events.length, 2)
  })

  t.test('exactly one of many concurrent appends that change the same version wins, in every round', async t => {
    const { log } = await factory(t)
    let version = 0
    for (let round = 0; round < 20; round++) {
      const results = await Promise.all(
        Array.from({ length: 8 }, (_, n) => log.append([commandDraft('c1', { round, n }, { expect: version })])),
      )
      const won = results.filter(result => result.status === 'ok')
      t.equal(won.length, 1, `round ${round}`)
      version = won[0]!.events[0]!.seq
    }
  })

  t.test('an append that fails does not affect the others of its batch', async t => {
    const { log } = await factory(t)
    await append(log, commandDraft('c1'))
    const results = await Promise.all([
      log.append([note(1)]),
      log.append([commandDraft('c1', {}, { expect: 0 }), note(2)]),
      log.append([note(3)]),
    ])
    t.same(
      results.map(result => result.status),
      ['ok', 'conflict', 'ok'],
    )
    const page = await log.read({ topics: ['tasks.>'], limit: 10 })
    t.same(page.status === 'ok' && page.events.map(event => event.payload), [{ n: 1 }, { n: 3 }])
  })

  t.test('records of a kind are listed page by page, ordered by id, ascending or descending', ofReads, async t => {
    const { log } = await factory(t)
    for (const id of ['c3', 'c1', 'c5', 'c2', 'c4']) await append(log, commandDraft(id, { agentId: `a${id}` }))
    await append(log, { type: 'agent:status', topic: 'agents.a1.status', payload: { agentId: 'a1' }, record: 'set' })
    await append(log, { type: 'token:x', topic: '$tokens.j1', payload: {}, record: 'set' })
    await append(log, { type: 'task:x', topic: 'tasks.t1.status', payload: { taskId: 't1' }, record: 'set' })
    for (const limit of [1, 2, 100]) {
      t.same(await listAll(log, { kind: 'command' }, limit), ['c1', 'c2', 'c3', 'c4', 'c5'])
      t.same(await listAll(log, { kind: 'command', order: 'desc' }, limit), ['c5', 'c4', 'c3', 'c2', 'c1'])
    }
    t.same((await log.list({ kind: 'agent', limit: 9 })).records[0]!.topic, 'agents.a1.status')
    t.same(await listAll(log, { kind: '$tokens' }), ['j1'])
    t.same((await log.list({ kind: 'task', limit: 9 })).records.length, 1)
    t.same(await listAll(log, { kind: 'session' }), [])
    t.same(await log.list({ kind: 'command', limit: 5, page: 'never given' }), { records: [], nextPage: null })
    await t.rejects(log.list({ kind: 'command', limit: 0 }), TypeError)
  })

  t.test('records of no agent, or of agents that match a pattern, are listed page by page', ofReads, async t => {
    const { log } = await factory(t)
    const task = (taskId: string, agentId?: string): EventDraft => ({
      ...{ type: 'task:created', topic: `tasks.${taskId}.status`, record: 'set' },
      payload: { taskId, status: taskId < 't3' ? 'pending' : 'running', ...(agentId && { agentId }) },
    })
    const agents = ['a-1', 'b-1', undefined, 'a-2', 'ab', 'A-1', undefined, 'b-a-1']
    for (const [n, agentId] of agents.entries()) await append(log, task(`t${n}`, agentId))
    const listed = async (agentLike: string[], where = {}, limit = 100) => {
      const query = { kind: 'task', where: { agentLike, ...where } } as const
      const found: string[] = []
      for (let page: string | null = ''; page !== null; ) {
        const result = await log.list({ ...query, limit, ...(page !== '' && { page }) })
        found.push(...result.records.map(({ topic }) => topic.split('.')[1]!))
        page = result.nextPage
      }
      return found
    }
    for (const limit of [1, 3, 100]) {
      t.same(await listed(['a-*'], {}, limit), ['t0', 't2', 't3', 't6'])
      t.same(await listed(['*-1', 'ab'], {}, limit), ['t0', 't1', 't2', 't4', 't5', 't6', 't7'])
      t.same(await listed([], {}, limit), ['t2', 't6'], 'an empty list matches only records without an agent')
      t.same(await listed(['a-*'], { agentId: 'b-1' }, limit), [])
      t.same(await listed(['a-*'], { status: 'running' }, limit), ['t3', 't6'])
      t.same(await listed(['*'], {}, limit), ['t0', 't1', 't2', 't3', 't4', 't5', 't6', 't7'])
    }
  })

  t.test('records with the same id under several agents are each listed once', ofReads, async t => {
    const { log } = await factory(t)
    for (let n = 0; n < 7; n++) await append(log, commandDraft('same', { agentId: `a${n}` }))
    for (const order of ['asc', 'desc'] as const) {
      t.same(await listAll(log, { kind: 'command', order }, 2), Array(7).fill('same'))
      t.same(await listAll(log, { kind: 'command', order, where: { id: 'same' } }, 2), Array(7).fill('same'))
    }
  })

  t.test('lists are filtered by any combination of fields', ofReads, async t => {
    const { log } = await factory(t)
    const commands: { id: string; fields: Record<string, string | number> }[] = []
    const pick = <T>(values: readonly T[], n: number) => values[n % values.length]!
    for (let n = 0; n < 120; n++) {
      const fields: Record<string, string | number> = {
        agentId: pick(['a1', 'a2', 'a3'], n),
        status: pick(['queued', 'running', 'failed', 'succeeded'], Math.floor(n / 3)),
        createdAt: 1000 + n,
      }
      if (n % 2 === 0) fields.taskId = pick(['t1', 't2'], n / 2)
      if (n % 5 === 0) fields.parentId = pick(['p1', 'p2'], n / 5)
      commands.push({ id: `c${String(n).padStart(3, '0')}`, fields })
    }
    await Promise.all(commands.map(({ id, fields }) => append(log, commandDraft(id, fields))))
    const many = Array.from({ length: 50 }, (_, n) => `a${n + 3}`)
    const wheres: NonNullable<RecordQuery['where']>[] = [
      { createdAfter: 1100 },
      { id: 'c007' },
      { id: 'c007', agentId: 'a1' },
    ]
    for (const agentId of [undefined, 'a1', ['a1', 'a3'], many, []] as const) {
      for (const status of [undefined, 'running', ['queued', 'failed'], 'lost'] as const) {
        for (const rest of [
          {},
          { taskId: 't1' },
          { parentId: 'p2' },
          { createdAfter: 1060 },
          { taskId: 't2', parentId: 'p1' },
        ]) {
          wheres.push({ ...(agentId && { agentId }), ...(status && { status }), ...rest })
        }
      }
    }
    for (const where of some('RECORD_FILTERS', 35, wheres)) {
      const expected = commands.filter(({ id, fields }) =>
        Object.entries(where).every(([name, wanted]) => {
          if (name === 'createdAfter') return (fields.createdAt as number) > (wanted as number)
          const value = name === 'id' ? id : fields[name]
          return Array.isArray(wanted) ? wanted.includes(value as string) : value === wanted
        }),
      )
      const forward = await listAll(log, { kind: 'command', where }, 7)
      const back = await listAll(log, { kind: 'command', where, order: 'desc' }, 11)
      const title = JSON.stringify(where)
      t.same(
        forward,
        expected.map(({ id }) => id),
        title,
      )
      t.same(back, [...forward].reverse(), title)
    }
  })

  t.test('filters use the current record; interactions are filtered by their state', ofReads, async t => {
    const { log } = await factory(t)
    await append(log, commandDraft('c1'))
    await append(log, commandDraft('c1', { status: 'running' }))
    t.same(await listAll(log, { kind: 'command', where: { status: 'queued' } }), [])
    t.same(await listAll(log, { kind: 'command', where: { status: 'running' } }), ['c1'])
    const topic = 'agents.a1.interactions.i1'
    await append(log, { type: 'interaction:requested', topic, payload: { state: 'open' }, record: 'set' })
    t.same(await listAll(log, { kind: 'interaction', where: { status: 'open' } }), ['i1'])
  })

  t.test('a record is removed when it expires, and not before', async t => {
    const { log, elapse } = await factory(t)
    const at = (await append(log, note(1)))[0]!.at
    const own = (id: string, expiresAt?: number) =>
      append(log, { type: 'x', topic: `$keys.${id}`, payload: {}, record: 'set', ...(expiresAt && { expiresAt }) })
    await own('soon', at + 30_000)
    await own('later', at + 500_000)
    await own('never')
    await own('renewed', at + 30_000)
    await own('renewed')
    await append(log, { ...commandDraft('c1'), expiresAt: at + 30_000 })
    t.same(await listAll(log, { kind: '$keys' }), ['later', 'never', 'renewed', 'soon'])
    await elapse(60_000)
    t.same(await listAll(log, { kind: '$keys' }), ['later', 'never', 'renewed'])
    t.equal(await log.get('agents.a1.commands.c1'), undefined)
    await append(log, commandDraft('c1', {}, { expect: 0 }))
  })

  t.test('records survive reopening, with their versions', async t => {
    const harness = await factory(t)
    const [event] = await append(harness.log, commandDraft('c1'))
    await append(harness.log, { type: 'x', topic: '$keys.k1', payload: { k: 1 }, record: 'set' })
    const log = await harness.reopen()
    t.equal((await log.get('agents.a1.commands.c1'))!.version, event!.seq)
    t.same((await log.get('$keys.k1'))!.payload, { k: 1 })
    t.equal((await log.append([commandDraft('c1', {}, { expect: 0 })])).status, 'conflict')
    await append(log, commandDraft('c1', { status: 'running' }, { expect: event!.seq }))
  })

  t.test(
    'a snapshot holds the records that match by topic or by task, and none of the server’s own',
    ofReads,
    async t => {
      const { log } = await factory(t)
      await append(log, commandDraft('c1', {}, { taskId: 't1' }))
      await append(log, commandDraft('c2', { agentId: 'a2' }))
      await append(log, { type: 'agent:status', topic: 'agents.a1.status', payload: {}, record: 'set' })
      await append(log, { type: 'task:x', topic: 'tasks.t1.status', payload: {}, record: 'set' })
      await append(log, { type: 'x', topic: '$keys.k1', payload: {}, record: 'set' })
      await append(log, note(1))
      const topics = async (...patterns: string[]) => (await log.snapshot(patterns)).records.map(r => r.topic).sort()
      const [a1, c1, c2, t1] = ['agents.a1.status', 'agents.a1.commands.c1', 'agents.a2.commands.c2', 'tasks.t1.status']
      t.same(await topics('>'), [c1, a1, c2, t1])
      t.same(await topics('agents.a1.>'), [c1, a1])
      t.same(await topics('agents.*.status'), [a1])
      t.same(await topics('tasks.t1.>'), [c1, t1])
      t.same(await topics('tasks.>'), [c1, t1])
      t.same(await topics('tasks.t1.status', a1!, 'agents.none.status', 'agents.a1.*'), [a1, t1])
      t.same(await topics(), [])
      t.equal((await log.snapshot(['>'])).cursor, log.head)
    },
  )

  t.test('a snapshot is exactly the state at its cursor, even while records change', async t => {
    const { log } = await factory(t)
    const told = new Map<string, number>()
    log.follow(events => {
      for (const { type, topic, seq } of events) {
        if (type === 'command:deleted') told.delete(topic)
        else told.set(topic, seq)
      }
    })
    const command = (n: number) => commandDraft(`c${n % SEVERAL_STEPS}`, { n })
    await Promise.all(Array.from({ length: SEVERAL_STEPS }, (_, n) => append(log, command(n))))
    let writing = true
    const writer = (async () => {
      for (let n = 0; writing; n += 149) {
        const changes = Array.from({ length: 10 }, (_, i) => append(log, command(n + i * 37)))
        changes.push(append(log, { ...command(n + 7), type: 'command:deleted', record: 'delete' }))
        await Promise.all(changes)
      }
    })()
    for (let round = 0; round < 5; round++) {
      const { records, cursor } = await log.snapshot(['agents.>'])
      // In the turn in which the snapshot resolves, it holds exactly what followers have been given.
      t.equal(cursor, log.head)
      const taken = new Map(records.map(record => [record.topic, record.version]))
      t.equal(taken.size, records.length, 'each record occurs once')
      const lines = (versions: Map<string, number>) => Array.from(versions, entry => entry.join()).sort()
      t.same(lines(taken), lines(told))
    }
    writing = false
    await writer
  })

  t.test('an active snapshot leaves out settled records, even those that settle while it is taken', async t => {
    const { log } = await factory(t)
    const active = async (...patterns: string[]) =>
      (await log.snapshot(patterns, 'active')).records.map(({ topic }) => topic).sort()
    const record = (topic: string, payload: object) => append(log, { type: 'x', topic, payload, record: 'set' })
    await record('agents.a1.status', { status: 'error' })
    await record('agents.a2.status', { status: 'offline' })
    for (const status of commandStatuses) await append(log, commandDraft(status, { status }, { taskId: 't1' }))
    for (const status of ['pending', 'running', 'paused', 'completed', 'failed', 'cancelled'])
      await record(`tasks.${status}.status`, { status })
    for (const status of ['active', 'ended']) await record(`agents.a1.sessions.${status}.status`, { status })
    for (const state of ['open', 'resolved', 'expired', 'cancelled'])
      await record(`agents.a1.interactions.${state}`, { state })
    const commands = ['dispatched', 'queued', 'running'].map(status => `agents.a1.commands.${status}`)
    const rest = ['agents.a1.interactions.open', 'agents.a1.sessions.active.status', 'agents.a1.status']
    const tasks = ['tasks.paused.status', 'tasks.pending.status', 'tasks.running.status']
    t.same(await active('>'), [...commands, ...rest, 'agents.a2.status', ...tasks].sort())
    t.same(await active('tasks.t1.>'), commands, 'also when selected by task')
    t.same(await active('agents.a1.commands.succeeded', 'agents.a1.commands.queued'), ['agents.a1.commands.queued'])

    // One record of the first step and one of the last settle while the snapshot is taken.
    const many = (n: number, status = 'queued') => commandDraft(`many-${n}`, { agentId: 'a3', status })
    await Promise.all(Array.from({ length: SEVERAL_STEPS }, (_, n) => append(log, many(n))))
    const taking = log.snapshot(['agents.a3.>'], 'active')
    await Promise.all([0, SEVERAL_STEPS - 1].map(n => append(log, many(n, 'succeeded'))))
    const { records, cursor } = await taking
    t.equal(records.length, SEVERAL_STEPS - (cursor === log.head ? 2 : 0))
    t.equal((await log.snapshot(['agents.a3.>'], 'active')).records.length, SEVERAL_STEPS - 2)
  })

  t.test('a record that changes its task during a snapshot is in the snapshot of its new task', async t => {
    const { log } = await factory(t)
    const topics = Array.from({ length: 40 }, (_, n) => commandDraft(`c${n}`))
    await append(log, ...topics.map(draft => ({ ...draft, taskId: 'left' })))
    const moving = append(log, ...topics.slice(0, 20).map(draft => ({ ...draft, taskId: 'joined' })))
    const [left, joined] = await Promise.all([log.snapshot(['tasks.left.>']), log.snapshot(['tasks.joined.>']), moving])
    const at = (cursor: string) => (cursor === log.head ? [20, 20] : [40, 0])
    t.equal(left.records.length, at(left.cursor)[0])
    t.equal(joined.records.length, at(joined.cursor)[1])
  })
}
