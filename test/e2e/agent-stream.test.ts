import {
  AgentClient,
  type CommandHandler,
  type CommandRun,
  DashboardClient,
  type DashboardEvent,
  MessageBuffer,
  nodeSocket,
  type RequestResult,
  type SocketFactory,
} from '@fleetwire/client/node'
import t, { type Test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { Notes } from '../helpers/notes.ts'
import { Wire } from '../helpers/wire.ts'

/** UTF-8 characters of every length, escapes and surrogate pairs: more than 1 MiB of UTF-8. */
const LONG = 'plain é ✓ 😀 "quoted"\n\u0000'.repeat(45_000)

async function fleet(t: Test, handlers: Record<string, CommandHandler>) {
  const { url, token } = await startApp(t)
  const wire = new Wire()
  /** Sockets that are destroyed at their 20th piece of text. */
  const cutInText: number[] = []
  const agent = new AgentClient({
    ...{ url, handlers, maxConcurrency: 2, random: () => 0 },
    token: await token('agent', { sub: 'a1' }),
    socket(target, events) {
      const port = wire.socket(target, events)
      const { send } = port
      const place = wire.made
      let parts = 0
      port.send = text => {
        send(text)
        if (text.startsWith('{"type":"message:delta"') && ++parts === 20 && cutInText.includes(place)) wire.cut()
      }
      return port
    },
  })
  const client = new DashboardClient({ url, token: await token('operator'), random: () => 0 })
  t.teardown(async () => {
    client.close()
    await agent.stop({ graceMs: 0 })
  })
  const states = new Notes<string>()
  agent.status.subscribe(({ state }) => states.note(state))
  await agent.start()
  await states.until(all => all.includes('online'))
  const messages = new MessageBuffer()
  const events = new Notes<DashboardEvent>()
  const snapshot = new Promise<void>(resolve => {
    client.subscribe('agents.a1.>', {
      snapshot: () => resolve(),
      event(event) {
        messages.apply(event)
        events.note(event)
      },
    })
  })
  client.connect()
  await snapshot
  const submit = async (kind: string) => {
    const submitted = await client.submit({ agentId: 'a1', kind, input: 'go' })
    if (!submitted.ok) throw new Error(submitted.error.message)
    return submitted.command.commandId
  }
  /** Resolves with the position of the first event of this type about this command. */
  const place = async (type: string, commandId: string) => {
    const at = (all: readonly DashboardEvent[]) =>
      all.findIndex(e => e.type === type && (e.payload as { commandId?: string }).commandId === commandId)
    await events.until(all => at(all) !== -1)
    return at(events.items)
  }
  return { agent, client, wire, states, cutInText, messages, events, submit, place }
}

/** The platform's socket, counting the text messages in each direction. */
function counting() {
  const messages = { sent: 0, received: 0 }
  const socket: SocketFactory = (target, events) => {
    const text = (message: string) => {
      messages.received++
      events.text(message)
    }
    const port = nodeSocket(target, { ...events, text })
    const { send } = port
    port.send = message => {
      messages.sent++
      send(message)
    }
    return port
  }
  return { messages, socket }
}

t.test(
  'an answer streamed word by word takes few messages, from the agent and to its viewer, and its text is complete',
  async t => {
    const { url, token } = await startApp(t)
    const [ofAgent, ofViewer] = [counting(), counting()]
    const words = Array.from({ length: 2_000 }, (_, i) => `word${i} `)
    const agent = new AgentClient({
      ...{ url, token: await token('agent', { sub: 'a1' }), socket: ofAgent.socket },
      handlers: {
        async prompt(run) {
          const message = run.message()
          for (const [i, word] of words.entries()) {
            message.append(word)
            if (i % 20 === 0) await new Promise(resolve => setImmediate(resolve))
          }
          return { status: 'succeeded' }
        },
      },
    })
    const client = new DashboardClient({ url, token: await token('operator'), socket: ofViewer.socket })
    t.teardown(async () => {
      client.close()
      await agent.stop({ graceMs: 0 })
    })
    client.connect()
    const buffer = new MessageBuffer()
    const events = client.events('agents.a1.>', { snapshot: 'active' })
    t.match((await events.next()).value, { type: 'snapshot' })
    await agent.start()
    let submitted: Promise<RequestResult> | undefined
    for await (const event of events) {
      if (event.type === 'snapshot' || event.type === 'resync') continue
      submitted ??= client.submit({ agentId: 'a1', kind: 'prompt', input: 'go' }, { offline: 'queue' })
      buffer.apply(event)
      if (event.type === 'command:succeeded') break
    }
    t.match(await submitted, { ok: true })
    t.equal(buffer.messages[0]?.text, words.join(''))
    t.ok(ofAgent.messages.sent < words.length / 10, `${ofAgent.messages.sent} messages from the agent`)
    t.ok(ofViewer.messages.received < words.length / 10, `${ofViewer.messages.received} messages to the viewer`)
  },
)

t.test('an answer of more than 1 MiB arrives complete, in frames below the limit', async t => {
  t.ok(Buffer.byteLength(LONG) > 1024 * 1024)
  const { submit, place, messages, events } = await fleet(t, {
    prompt(run) {
      const message = run.message()
      message.append(LONG)
      message.end()
      return { status: 'succeeded' }
    },
  })
  const commandId = await submit('prompt')
  t.ok((await place('message:end', commandId)) < (await place('command:succeeded', commandId)))
  t.ok(messages.messages[0]?.text === LONG)
  t.match(messages.messages, [{ state: 'ended', sessionId: commandId, role: 'assistant' }])
  const deltas = events.items.filter(({ type }) => type === 'message:delta')
  t.ok(deltas.length > 32)
  t.ok(deltas.every(({ payload }) => !/\p{Surrogate}/u.test((payload as { delta: string }).delta)))
})

t.test(
  'other frames of an agent overtake a long answer, and a cut in its middle loses and repeats nothing',
  async t => {
    const runs = new Notes<CommandRun>()
    const appended = new Notes<number>()
    let finish = () => {}
    const finished = new Promise<void>(resolve => (finish = resolve))
    const { submit, place, messages, events, client, wire, states, cutInText } = await fleet(t, {
      async long(run) {
        const message = run.message()
        runs.note(run)
        await finished
        message.append(LONG)
        message.append(LONG)
        message.end()
        appended.note(2)
        return { status: 'succeeded' }
      },
      async short(run) {
        runs.note(run)
        await new Promise((_, reject) => run.signal.addEventListener('abort', () => reject(new Error('stopped'))))
        return { status: 'succeeded' }
      },
    })
    const long = await submit('long')
    const short = await submit('short')
    await place('message:start', long)
    await runs.until(({ length }) => length === 2)
    const interrupted = await client.interrupt(short)
    t.match(interrupted, { ok: true, affected: true })
    t.ok(await place('command:cancelled', short))

    const next = await submit('short')
    await runs.until(({ length }) => length === 3)
    wire.cut()
    await states.until(all => all.at(-1) !== 'online')
    cutInText.push(2, 3)
    finish()
    await appended.until(({ length }) => length > 0)
    runs.items[2]!.report('agent:status', { work: 'working', detail: 'beside the answer' })
    const other = runs.items[2]!.message()
    other.append('in between')
    other.end()
    t.ok((await place('message:end', next)) < (await place('message:end', long)), 'another command is not delayed')
    await place('command:succeeded', long)
    t.ok(wire.made >= 4, 'the answer was cut in the middle')
    t.ok(messages.messages.find(({ sessionId }) => sessionId === long)?.text === LONG + LONG)
    t.equal(messages.messages.find(({ sessionId }) => sessionId === next)?.text, 'in between')
    const cursors = events.items.map(({ cursor }) => cursor)
    t.equal(new Set(cursors).size, cursors.length)
    await client.interrupt(next)
    t.ok(await place('command:cancelled', next))
  },
)
