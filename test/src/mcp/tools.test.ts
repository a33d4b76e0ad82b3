import { type Test, test } from 'tap'
import { limits } from '../../../src/mcp/limits.ts'
import { connectAgent } from '../../helpers/bare-agent.ts'
import { startForCli } from '../../helpers/cli.ts'
import { mcpClient } from '../../helpers/mcp-client.ts'
import { until } from '../../helpers/until.ts'

interface Outcome {
  command: { commandId: string; status: string; output?: string; outputIsCut?: boolean }
}
interface Output {
  source: string
  text: string
  start: number
  end: number
  total: number
}
interface Transcript {
  items: { id: string; kind: string; from: string; text: string; offset?: number; isCut?: boolean; state: string }[]
  nextCursor: string | null
}

async function start(t: Test) {
  const server = await startForCli(t)
  const client = await mcpClient(t, { url: server.url, token: server.admin })
  return { ...server, client }
}

test('[MC12] output of any length is read in pages, from either end', async t => {
  const { client, agent } = await start(t)
  await agent('a1')
  const { data } = await client.call<Outcome>('send_command', {
    ...{ agentId: 'a1', kind: 'shell', waitSeconds: 60 },
    input: 'seq 1 20000; printf "déjà vu 🙂"',
  })
  const { commandId } = data.command
  t.ok(data.command.outputIsCut)
  t.match(data.command.output, /characters left out here: read_output with commandId/)
  t.match(data.command.output, /déjà vu 🙂$/)
  const all: string[] = []
  let end: number | undefined
  for (;;) {
    const page = await client.call<Output>('read_output', { commandId, before: end })
    t.equal(page.data.source, 'terminal')
    all.unshift(page.data.text)
    end = page.data.start
    if (end === 0) break
    t.match(page.text, new RegExp(`before: ${end} reads what comes before`))
  }
  const text = all.join('')
  t.match(text, /\n19999\n20000\ndéjà vu 🙂$/)
  t.equal(text.split('\n').length, 20_001)
  const screen = await client.call<Output>('read_output', { commandId, as: 'screen' })
  t.ok(screen.data.total < text.length, 'a terminal keeps fewer lines than its output')
  const first = await client.call<Output>('read_output', { commandId, after: 0, maxChars: 100 })
  t.equal(first.data.text, text.slice(0, first.data.end))
  t.match(first.text, /after: \d+ reads what comes after\]$/)
  t.match(await client.call('read_output', { agentId: 'a1', commandId }), {
    isError: true,
    text: /^Give commandId, or /,
  })
  t.match(await client.call('read_output', { commandId, before: 1, after: 1 }), { isError: true, text: /not both/ })
})

test('for an agent without terminals, the output of the result is read', async t => {
  const server = await start(t)
  await server.agent('a1', { prompt: () => ({ status: 'succeeded', output: { answer: 42 } }) })
  const sent = await server.client.call<Outcome>('send_command', {
    agentId: 'a1',
    kind: 'prompt',
    input: { ask: 'what' },
  })
  t.match(sent, { data: { command: { status: 'succeeded', output: { answer: 42 } } }, text: /"answer": 42/ })
  const { commandId } = sent.data.command
  t.match(await server.client.call('read_output', { commandId }), { data: { source: 'output', text: /"answer": 42/ } })
  t.match(await server.client.call('read_output', { agentId: 'a1' }), { isError: true, text: /^not_found: / })
})

test('[MC12] a transcript is read in pages, even within a message, or from the newest', async t => {
  const server = await start(t)
  const agent = await connectAgent(t, server, 'a1')
  const long = Array.from({ length: 9000 }, (_, i) => `word ${i}`).join('\n')
  agent.say('session:start', { sessionId: 's1', title: 'Talk' })
  const say = (messageId: string, text: string) => {
    agent.say('message:start', { sessionId: 's1', messageId, role: 'assistant' })
    agent.say('message:end', { sessionId: 's1', messageId, text })
  }
  for (let i = 0; i < 30; i++) say(`m${i}`, `message ${i}`)
  say('long', long)
  agent.say('tool:start', { sessionId: 's1', toolCallId: 't1', name: 'grep', args: { pattern: 'x' } })
  agent.say('tool:end', { sessionId: 's1', toolCallId: 't1', result: 'found' })
  agent.say('message:start', { sessionId: 's1', messageId: 'open', role: 'assistant' })
  agent.say('message:delta', { sessionId: 's1', messageId: 'open', delta: 'so far' })
  await agent.handled()
  const { client } = server
  const texts = new Map<string, string>()
  let cursor: string | undefined
  for (;;) {
    const { data, text } = await client.call<Transcript>('read_transcript', { sessionId: 's1', limit: 20, cursor })
    t.ok(text.length < 2 * limits.textChars)
    for (const item of data.items) {
      t.equal(item.offset ?? 0, texts.get(item.id)?.length ?? 0, 'it continues where it was')
      texts.set(item.id, (texts.get(item.id) ?? '') + item.text)
    }
    if (data.nextCursor === null) break
    t.match(text, data.nextCursor)
    cursor = data.nextCursor
  }
  t.equal(texts.get('long'), long)
  t.equal(texts.size, 33)
  const newest = await client.call<Transcript>('read_transcript', { sessionId: 's1', newest: 2 })
  t.match(newest.data.items, [
    { id: 't1', kind: 'tool', from: 'grep', text: /"pattern": "x"[^→]*→ found/ },
    { id: 'open', text: 'so far', state: 'open' },
  ])
  t.equal(newest.data.items.length, 2)
  const more = await client.call<Transcript>('read_transcript', { sessionId: 's1', newest: 200 })
  t.equal(more.data.items[0]?.id, 'm0')
  t.match(await client.call('read_transcript', { sessionId: 's1', cursor: 'x' }), { isError: true, text: /nextCursor/ })
  t.match(await client.call('list_sessions', { agentId: 'a1' }), {
    data: { sessions: [{ sessionId: 's1', title: 'Talk' }] },
  })
})

test('commands can be waited for, interrupted and listed', async t => {
  const server = await start(t)
  const { client } = server
  const absent = await connectAgent(t, server, 'gone')
  absent.say('agent:exit', { reason: 'stopped' })
  await absent.handled()
  server.app.agents.kick('gone', 'test')
  await until(() => server.app.agents.get('gone')?.link === 'offline')
  await server.agent('a1')
  const queued = await client.call<Outcome>('send_command', {
    agentId: 'gone',
    kind: 'shell',
    input: 'x',
    waitSeconds: 1,
  })
  t.match(queued, { data: { command: { status: 'queued' } }, text: /agent is offline: the command waits for it/ })
  const sent = await client.call<Outcome>('send_command', {
    agentId: 'a1',
    kind: 'shell',
    input: 'sleep 100',
    waitSeconds: 0,
  })
  const { commandId } = sent.data.command
  t.match(sent.text, /wait_command with commandId/)
  t.match(await client.call('interrupt', { commandId, reason: 'enough' }), { data: { commandId, affected: true } })
  t.match(await client.call('wait_command', { commandId }), { data: { command: { status: 'cancelled' } } })
  t.match(await client.call('interrupt', { commandId }), { data: { affected: false, status: 'cancelled' } })
  const list = await client.call<{ commands: { commandId: string }[]; nextCursor: string }>('list_commands', {
    limit: 1,
  })
  t.match(list.data, { commands: [{ commandId }], nextCursor: String })
  const next = await client.call('list_commands', { limit: 1, cursor: list.data.nextCursor })
  t.match(next.data, { commands: [{ status: 'queued' }] })
  t.match((await client.call('list_commands', { status: ['cancelled'] })).data, { commands: { length: 1 } })
  t.match(await client.call('list_commands', { cursor: 'nonsense' }), {
    isError: true,
    text: /^invalid_request: .*cursor/,
  })
  const summary = await client.call('fleet_summary')
  t.match(summary.data, { agents: 2, byStatus: { online: 1, offline: 1 }, queuedCommands: 1, runningCommands: 0 })
})

test('with many requests, less of each is shown', async t => {
  const server = await start(t)
  const agent = await connectAgent(t, server, 'a1')
  const description = 'why '.repeat(3000)
  for (let i = 0; i < 40; i++)
    agent.say('interaction:request', {
      interactionId: `q${i}`,
      kind: 'question',
      title: 'Go on?',
      description,
      options: [],
    })
  await agent.handled()
  const { text, data } = await server.client.call<{ requests: { description: string }[] }>('list_requests')
  t.equal(data.requests.length, 40)
  t.ok(text.length < 2 * limits.textChars, `${text.length} characters`)
  t.match(data.requests[0]?.description, /list_requests with requestId "q\d+" shows more/)
  const one = await server.client.call<{ requests: { description: string }[] }>('list_requests', { requestId: 'q3' })
  t.ok(one.data.requests[0]!.description.length > 3000)
  t.match(await server.client.call('list_requests', { requestId: 'none' }), { isError: true, text: /^not_found/ })
  t.match(await server.client.call('fleet_summary'), { data: { openRequests: 40, attention: [{ agentId: 'a1' }] } })
})

test('prompts are listed and filled in', async t => {
  const { client } = await start(t)
  const { prompts } = await client.raw.listPrompts()
  t.same(
    prompts.map(({ name }) => name),
    ['fleet_status', 'delegate'],
  )
  const { messages } = await client.raw.getPrompt({ name: 'delegate', arguments: { agentId: 'a1', task: 'count' } })
  t.match(messages[0]?.content, { text: /agent "a1".*count/s })
  await t.rejects(client.raw.getPrompt({ name: 'delegate', arguments: { agentId: 'a1' } }), /"task" is required/)
})
