import type { Agent, Command } from '@fleetwire/protocol'
import t from 'tap'
import {
  greeted,
  inferWork,
  lifecycleOnConnect,
  lifecycleOnExit,
  summarise,
  type UplinkRecord,
} from '../../../src/agents/agent-state.ts'
import { finalStates, liveStates, T0 } from '../commands/command-samples.ts'

t.test('[AG3] the status summarises link and work', async t => {
  const works = ['starting', 'idle', 'working', 'waiting', 'stalled', 'stopped', 'error'] as const
  for (const work of works) {
    const awake = work === 'error' ? 'error' : 'online'
    t.equal(summarise('online', work), awake)
    t.equal(summarise('late', work), awake, 'late is not yet offline')
    t.equal(summarise('offline', work), 'offline')
  }
})

t.test('[AG5] work is inferred from the running commands', async t => {
  const { fresh, given, working, waiting, cancelling, away } = liveStates
  const table: [commands: Command[], work: Agent['work']][] = [
    [[], 'idle'],
    [[fresh, given], 'idle'],
    [[finalStates.succeeded], 'idle'],
    [[working], 'working'],
    [[cancelling], 'working'],
    [[away], 'working'],
    [[waiting], 'waiting'],
    [[waiting, waiting, fresh], 'waiting'],
    [[waiting, working], 'working'],
    [[working, waiting], 'working'],
  ]
  for (const [commands, work] of table)
    t.same(
      inferWork(commands, () => false),
      { work, detail: '', evidence: 'inferred' },
    )
})

t.test('[AG15] a waiting agent shows what it waits for', async t => {
  const { hinted, working } = liveStates
  t.match(
    inferWork([hinted], () => false),
    { work: 'waiting', detail: 'cat waits for input', evidence: 'inferred' },
  )
  t.match(
    inferWork([hinted, working], () => false),
    { work: 'working', detail: '' },
  )
})

t.test('[AG13] a silent command is stalled, but not one that waits for input', async t => {
  const { waiting, working } = liveStates
  t.match(
    inferWork([working], () => true),
    { work: 'stalled', evidence: 'guessed', detail: /cmd|c/ },
  )
  t.match(
    inferWork([waiting, working], () => true),
    { work: 'stalled' },
  )
  t.match(
    inferWork([waiting], () => true),
    { work: 'waiting', evidence: 'inferred' },
  )
})

t.test('[AG10] a field that a hello omits keeps the value of the last record', async t => {
  const first = greeted('a', { bootId: 'b1' }, undefined, T0)
  t.same(first, {
    ...{ agentId: 'a', name: 'a', kind: 'agent', version: '', labels: {}, capabilities: {}, maxConcurrency: 1 },
    ...{ status: 'online', link: 'online', work: 'idle', detail: '', evidence: 'inferred' },
    ...{ lastSeenAt: T0, connectedAt: T0, running: [], openInteractions: 0 },
  })
  const said = { name: 'Ada’s', kind: 'coder', version: '2', labels: { os: 'linux' }, maxConcurrency: 3 }
  const second = greeted('a', { bootId: 'b2', ...said, capabilities: { kinds: ['shell'] } }, first, T0 + 1)
  t.match(second, { ...said, capabilities: { kinds: ['shell'] }, connectedAt: T0 + 1 })
  t.match(greeted('a', { bootId: 'b3' }, second, T0 + 2), { ...said, capabilities: { kinds: ['shell'] } })
  const emptied = greeted('a', { bootId: 'b3', name: '', labels: {} }, second, T0 + 2)
  t.match(emptied, { name: 'a', version: '2' }, 'an empty field is not an omitted one')
  t.same(emptied.labels, {})
  const broken: Agent = { ...second, link: 'offline', status: 'error', work: 'error', evidence: 'reported' }
  t.match(greeted('a', { bootId: 'b4' }, broken, T0), { link: 'online', status: 'online', work: 'idle' })
})

t.test('[AG7] [AG8] a hello determines the lifecycle events', async t => {
  const last = (exited?: UplinkRecord['exited']): UplinkRecord => ({ bootId: 'b1', n: 9, ...(exited && { exited }) })
  const table: [last: UplinkRecord | undefined, bootId: string, told: string[]][] = [
    [undefined, 'b1', ['started b1']],
    [last(), 'b1', []],
    [last('stopped'), 'b1', []],
    [last(), 'b2', ['crashed b1', 'restarted b2']],
    [last('stopped'), 'b2', ['started b2']],
    [last('restarting'), 'b2', ['restarted b2']],
    [last('crashed'), 'b2', ['restarted b2']],
  ]
  for (const [record, bootId, told] of table) {
    const lives = lifecycleOnConnect(bootId, record).map(life => `${life.lifecycle} ${life.bootId}`)
    t.same(lives, told, `${bootId} after ${JSON.stringify(record)}`)
  }
})

t.test('[AG7] the exit of an agent is recorded', async t => {
  t.same(lifecycleOnExit('b1', { reason: 'stopped' }), { lifecycle: 'stopped', bootId: 'b1' })
  t.same(lifecycleOnExit('b1', { reason: 'restarting' }), { lifecycle: 'stopped', bootId: 'b1' })
  const crashed = lifecycleOnExit('b1', { reason: 'crashed', exitCode: 139, signal: 'SIGSEGV', message: 'oh' })
  t.same(crashed, { lifecycle: 'crashed', bootId: 'b1', exitCode: 139, signal: 'SIGSEGV', message: 'oh' })
})

t.test('[AG18] an agent whose name is unreadable is named after its id', async t => {
  const hello = (name: string) => ({ name, bootId: 'b', inventory: [] })
  const before = greeted('a1', hello('Ann'), undefined, T0)
  for (const name of ['', '   ', '\u200b\u2060']) {
    t.equal(greeted('a1', hello(name), undefined, T0).name, 'a1')
    t.equal(greeted('a1', hello(name), before, T0).name, 'a1')
  }
  t.equal(greeted('a1', hello('東京 7'), before, T0).name, '東京 7')
})
