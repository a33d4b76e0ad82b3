import {
  agentPayloads,
  agentServerPayloads,
  type Command,
  clientPayloads,
  eventPayloads,
  serverPayloads,
} from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { type StartOptions, startApp } from '../helpers/build.ts'
import { type Described, documentedTypes } from '../helpers/documented-types.ts'
import { said } from '../helpers/events.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { Speaker, Vocabulary } from '../helpers/speaker.ts'
import { connectWs } from '../helpers/ws-client.ts'

/*
 * The whole vocabulary over real sockets: every type that a schema describes is sent in its direction because something
 * happened, and nothing is sent that no schema describes. A new type needs a line here. Each step waits until its frame
 * is seen before the next one starts: of two changes of one record in the same turn, only the later is sent.
 */
const agents = new Vocabulary('agent')
const clients = new Vocabulary('client')
const CUSTOM = 'custom:greeting'

async function start(t: Test, options: StartOptions = {}) {
  const clock = new FakeClock(Date.now())
  const server = await startApp(t, { clock, ...options })
  const admin = await server.token('admin')
  const agentToken = await server.token('agent', { sub: 'a1' })
  return {
    ...server,
    clock,
    rest: (method: string, path: string, body?: object) => server.call(admin, method, `/api/v1${path}`, body),
    agent: async () => new Speaker(await connectWs(t, server.url, agentToken, '/agent'), agents),
    board: async () => new Speaker(await connectWs(t, server.url, admin), clients),
  }
}

type Scene = Awaited<ReturnType<typeof start>> & { a1: Speaker; all: Speaker }

t.test('one fleet goes through everything that can happen to it', async t => {
  const fleet = await start(t)
  const all = await fleet.board()
  all.say('dashboard:connect', { client: { name: 'vocabulary' }, subscribe: ['>'] })
  const { cursor } = await all.saw('snapshot')
  const a1 = await fleet.agent()
  a1.say('agent:connect', { bootId: 'boot1' })
  await a1.saw('connection:established')
  const scene = { ...fleet, a1, all }

  await t.test('agents', () => agentItself(scene))
  await t.test('commands', () => commands(scene))
  await t.test('sessions', () => sessions(scene))
  await t.test('interactions', () => interactions(scene))
  await t.test('tasks', () => tasks(scene))
  await t.test('terminals', () => terminals(scene))
  await t.test('connections', () => connections(scene, cursor))
  await t.test('ends', () => ends(scene))
})

/** Runs a command of `a1` up to its acknowledgement. */
async function running({ a1, all }: Scene, fields: object = {}) {
  const request = { agentId: 'a1', kind: 'shell', input: 'true', ...fields }
  const { commandId }: Command = (await all.ask('command:request', request)).command
  const { attempt } = await a1.saw('command:dispatch', { commandId })
  await all.saw('command:dispatched', { commandId })
  a1.say('command:ack', { commandId, attempt })
  await all.saw('command:running', { commandId })
  return { commandId, attempt }
}

async function agentItself({ a1, all, clock }: Scene) {
  await all.saw('agent:lifecycle', { lifecycle: 'started' })
  a1.say('heartbeat', { running: [] })
  await a1.saw('heartbeat')
  a1.say('agent:status', { work: 'working', detail: 'reading' })
  await all.saw('agent:status', { detail: 'reading' })
  a1.say('agent:metrics', { cpu: 0.5 })
  await all.saw('agent:metrics', { cpu: 0.5 })
  clock.advance(1000)
  await all.saw('agent:summary', { queued: 0 })
  a1.say('agent:error', { message: 'low on disk' })
  await all.saw('agent:error', { message: 'low on disk' })
  a1.say('usage:report', { source: 'model', mode: 'delta', requestId: 'r1', inputTokens: 3 })
  await all.saw('usage:reported', { requestId: 'r1' })
  await a1.saw('report:ack')
}

async function commands(scene: Scene) {
  const { a1, all, clock } = scene
  const good = await running(scene)
  a1.say('command:progress', { ...good, progress: 0.5 })
  await all.saw('command:progress', { commandId: good.commandId })
  a1.say('command:progress', { ...good, attempt: 9 })
  await a1.saw('error', { code: 'stale' })
  a1.say('command:result', { ...good, status: 'succeeded' })
  await all.saw('command:succeeded', { commandId: good.commandId })

  const bad = await running(scene)
  a1.say('command:result', { ...bad, status: 'failed', error: 'no such file' })
  await all.saw('command:failed', { commandId: bad.commandId })

  const { command } = await all.ask('command:request', { agentId: 'a1', kind: 'shell', input: 'rm' })
  await a1.saw('command:dispatch', { commandId: command.commandId })
  a1.say('command:reject', { commandId: command.commandId, attempt: 1, reason: 'policy' })
  await all.saw('command:rejected', { commandId: command.commandId })

  const stopped = await running(scene)
  await all.ask('command:interrupt', { commandId: stopped.commandId })
  await all.saw('command:cancelling', { commandId: stopped.commandId })
  await a1.saw('command:interrupt', { commandId: stopped.commandId })
  a1.say('command:result', { ...stopped, status: 'cancelled' })
  await all.saw('command:cancelled', { commandId: stopped.commandId })

  const long = await running(scene, { runTimeoutMs: 1000 })
  const late = await all.ask('command:request', { agentId: 'a1', kind: 'shell', input: 'x', queueTtlMs: 500 })
  await all.saw('command:queued', { commandId: late.command.commandId })
  clock.advance(500)
  await all.saw('command:expired', { commandId: late.command.commandId })
  clock.advance(500)
  await a1.saw('command:interrupt', { commandId: long.commandId })
  a1.say('command:result', { ...long, status: 'cancelled' })
  await all.saw('command:timed_out', { commandId: long.commandId })
}

async function sessions({ a1, all }: Scene) {
  const of = { sessionId: 's1' }
  a1.say('session:start', { ...of, title: 'Talk' })
  await all.saw('session:started', of)
  a1.say('session:typing', { ...of, typing: true })
  await all.saw('session:typing', { typing: true })
  a1.say('message:start', { ...of, messageId: 'm1' })
  a1.say('message:delta', { ...of, messageId: 'm1', delta: 'Hello' })
  a1.say('tool:start', { ...of, toolCallId: 'k1', name: 'ls' })
  a1.say('tool:args', { ...of, toolCallId: 'k1', delta: '{}' })
  a1.say('tool:end', { ...of, toolCallId: 'k1', result: [] })
  a1.say('message:end', { ...of, messageId: 'm1' })
  a1.say('state:snapshot', { ...of, snapshot: { step: 1 } })
  a1.say('state:patch', { ...of, patch: [{ op: 'replace', path: '/step', value: 2 }] })
  for (const kind of ['message:start', 'message:delta', 'message:end']) await all.saw(kind, { messageId: 'm1' })
  for (const kind of ['tool:start', 'tool:args', 'tool:end']) await all.saw(kind, { toolCallId: 'k1' })
  for (const kind of ['state:snapshot', 'state:patch']) await all.saw(kind, of)
  a1.say('session:activity', { ...of, title: 'A talk' })
  await all.saw('session:activity', { title: 'A talk' })
  a1.say('session:end', of)
  await all.saw('session:ended', of)
}

async function interactions(scene: Scene) {
  const { a1, all, clock } = scene
  const command = await running(scene)
  const ask = async (interactionId: string, fields: object = {}) => {
    const options = [{ id: 'yes', label: 'Yes', effect: 'allow' }]
    const of = { interactionId, commandId: command.commandId }
    a1.say('interaction:request', { ...of, kind: 'permission', title: 'May I?', options, ...fields })
    await all.saw('interaction:requested', { interactionId })
  }
  await ask('i1')
  await all.saw('notification:created', { title: 'a1: May I?' })
  await all.ask('interaction:respond', { interactionId: 'i1', optionId: 'yes' })
  await a1.saw('interaction:answer', { interactionId: 'i1' })
  a1.say('interaction:applied', { interactionId: 'i1' })
  await all.saw('interaction:resolved', { interactionId: 'i1', delivery: 'applied' })
  await ask('i2')
  a1.say('interaction:resolved', { interactionId: 'i2', optionId: 'yes' })
  await all.saw('interaction:resolved', { interactionId: 'i2' })
  await ask('i3', { timeoutMs: 1000 })
  clock.advance(1000)
  await all.saw('interaction:expired', { interactionId: 'i3' })
  await ask('i4')
  a1.say('command:result', { ...command, status: 'succeeded' })
  await all.saw('interaction:cancelled', { interactionId: 'i4' })
}

async function tasks({ a1, all, rest }: Scene) {
  const report = async (verb: string, event: string, taskId: string, fields: object = {}) => {
    a1.say(`task:${verb}`, { taskId, ...fields })
    await all.saw(`task:${event}`, { taskId })
  }
  await report('create', 'created', 't1', { title: 'Build' })
  await report('start', 'started', 't1')
  await report('update', 'updated', 't1', { title: 'Build it' })
  await report('progress', 'progress', 't1', { progress: 0.5 })
  await report('pause', 'paused', 't1')
  await report('complete', 'completed', 't1')
  await report('create', 'created', 't2')
  await report('fail', 'failed', 't2')
  await report('create', 'created', 't3')
  await report('cancel', 'cancelled', 't3')
  await rest('DELETE', '/tasks/t1')
  await all.saw('task:deleted', { taskId: 't1' })
  await rest('POST', '/events', { topic: 'tasks.t2.events', type: CUSTOM, payload: { hello: 'world' } })
  await all.saw(CUSTOM, { hello: 'world' })
}

async function terminals({ a1, all }: Scene) {
  const of = { terminalId: 'main' }
  const seen = { agentId: 'a1', ...of }
  a1.say('terminal:resize', { ...of, cols: 80, rows: 24 })
  a1.say('terminal:output', { ...of, offset: 0, data: 'hello', encoding: 'utf8' })
  all.say('terminal:open', { ...seen, mode: 'bytes' })
  await all.saw('terminal:snapshot', of)
  a1.say('terminal:output', { ...of, offset: 5, data: ' world', encoding: 'utf8' })
  await all.saw('terminal:output', of)
  all.say('terminal:ack', { ...seen, offset: 11 })
  all.say('terminal:open', { ...seen, mode: 'whole', from: 11 })
  all.say('terminal:ack', { ...seen, offset: 11 })
  await a1.saw('terminal:ack', { offset: 11 })
  a1.say('terminal:ack', { ...of, offset: 3 })
  await all.saw('terminal:ack', { offset: 3 })
  all.say('terminal:open', { ...seen, mode: 'bytes' })
  await all.ask('terminal:input', { ...seen, data: 'ls\r', inputSeq: 1 })
  await a1.saw('terminal:input', { data: 'ls\r' })
  await all.ask('terminal:resize', { ...seen, cols: 100, rows: 30 })
  await a1.saw('terminal:resize', { cols: 100 })
  a1.say('terminal:resize', { ...of, cols: 100, rows: 30 })
  await all.saw('terminal:resize', { cols: 100 })
  a1.say('terminal:output', { ...of, offset: 50, data: 'later', encoding: 'utf8' })
  await a1.saw('terminal:resend', { from: 11 })
  a1.say('terminal:output', { ...of, offset: 11, data: 'x'.repeat(44), encoding: 'utf8' })
  a1.say('terminal:exit', { ...of, exitCode: 0 })
  await all.saw('terminal:exit', { exitCode: 0 })
  await all.ask('terminal:close', seen)
}

async function connections({ app, all, board, token, clock, rest }: Scene, cursor: string) {
  const others = app.connections.size
  all.say('heartbeat', { timestamp: 1 })
  await all.saw('heartbeat', { echo: 1 })
  all.say('ping')
  await all.saw('pong')
  await all.ask('auth:refresh', { token: await token('admin') })
  const back = await board()
  back.say('dashboard:connect', { resume: { cursor }, subscribe: ['>'] })
  await back.saw('resume:done')
  await back.ask('unsubscribe', { topics: ['>'] })
  await back.ask('subscribe', { topics: ['agents.>', 'users.other.inbox'] })
  await back.saw('error', { code: 'forbidden' })
  const { connectionId } = await back.saw('connection:established')
  clock.advance(1000)
  await all.saw('connection:opened', { connectionId })
  await rest('DELETE', `/connections/${connectionId}`)
  await back.saw('connection:closing', { code: 4403 })
  await back.closed
  while (app.connections.size > others) await new Promise(setImmediate)
  clock.advance(1000)
  await all.saw('connection:closed', { connectionId })
}

async function ends(scene: Scene) {
  const { a1, all, agent, clock, rest } = scene
  const orphan = await running(scene)
  a1.say('agent:exit', { reason: 'restarting' })
  await all.saw('agent:lifecycle', { lifecycle: 'stopped' })
  clock.advance(1)
  const next = await agent()
  next.say('agent:connect', { bootId: 'boot2' })
  await next.saw('connection:established')
  clock.advance(1000)
  await all.saw('command:lost', { commandId: orphan.commandId })
  await rest('POST', '/agents/a1/disconnect')
  await next.saw('connection:closing')
  await next.closed
  await rest('DELETE', '/agents/a1')
  await all.saw('agent:removed', { agentId: 'a1' })
}

t.test('retention overtakes a replay that its reader does not read', async t => {
  const { board, log, clock } = await start(t, { config: { EVENT_RETENTION_COUNT: 50 } })
  const first = log.head
  const bulk = 'x'.repeat(20_000)
  const write = (count: number) => log.append(Array.from({ length: count }, (_, i) => said('a1', `${i} ${bulk}`)))
  for (let i = 0; i < 6; i++) await write(100)
  const behindItsPage = log.head
  await write(100)
  const slow = await board()
  slow.say('dashboard:connect', { resume: { cursor: first }, subscribe: ['agents.a1.log'] })
  await slow.saw('connection:established', { resumed: true })
  slow.pause()
  clock.advance(10_000)
  const read = () => log.read({ topics: ['>'], after: behindItsPage, limit: 1 })
  while ((await read()).status !== 'gone') await new Promise(setImmediate)
  slow.resume()
  await slow.saw('resync:required', { reason: 'expired' })
})

t.test('exactly the frames of the protocol were sent, and the served document lists the same ones', async t => {
  const { call } = await start(t)
  const pages = documentedTypes((await call<Described>(undefined, 'GET', '/asyncapi.json')).body)
  const compare = (seen: Set<string>, described: string[], direction: string) => {
    const types = [...seen].map(type => (type === CUSTOM ? 'custom:<name>' : type)).sort()
    t.same(types, [...new Set(described)].sort(), direction)
    t.same([...pages[direction]!].sort(), types, `documented: ${direction}`)
  }
  t.same(agents.flaws.concat(clients.flaws), [], 'every frame from the server matches the schema of its type')
  compare(agents.said, Object.keys(agentPayloads), 'agent receive')
  compare(agents.heard, Object.keys(agentServerPayloads), 'agent send')
  compare(clients.said, Object.keys(clientPayloads), 'ws receive')
  const toClients = [...Object.keys(serverPayloads), ...Object.keys(eventPayloads), 'custom:<name>']
  compare(clients.heard, toClients, 'ws send')
})
