import type { Role } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { connectAgent } from '../helpers/bare-agent.ts'
import { type Generation, generations, initialize, mcpClient, startMcp, takeCommand } from '../helpers/mcp-client.ts'
import { until } from '../helpers/until.ts'

interface Outcome {
  command: { commandId: string; status: string; phase?: string; output?: unknown }
  openRequests: { requestId: string; options: { id: string }[] }[]
}

const ask = {
  kind: 'permission',
  title: 'Remove it?',
  options: [{ id: 'yes', label: 'Yes', effect: 'allow', scope: 'once' }],
}

test('every client, with its own agent in each test', async t => {
  const server = await startMcp(t)
  let agents = 0
  /** An agent, and clients that see no other agent. */
  const own = async (t: Test) => {
    const agentId = `a${++agents}`
    const agent = await connectAgent(t, server, agentId)
    const connect = async (role: Role, generation: Generation) =>
      mcpClient(t, { url: server.url, token: await server.token(role, { agents: [agentId] }) }, generation)
    return { agentId, agent, connect, requestId: `q-${agentId}`, sessionId: `s-${agentId}` }
  }
  for (const generation of generations) {
    await t.test(`[MC1] [MC5] ${generation}: a command, its question and its result over HTTP`, async t => {
      const { agentId, agent, connect, requestId } = await own(t)
      const client = await connect('operator', generation)
      const sending = client.call<Outcome>('send_command', {
        agentId,
        kind: 'prompt',
        input: 'tidy up',
        waitSeconds: 20,
      })
      const run = await takeCommand(agent)
      agent.say('interaction:request', { interactionId: requestId, commandId: run.commandId, ...ask })
      const asked = await sending
      t.match(asked.data, {
        command: { ...{ commandId: run.commandId }, phase: 'waiting_input' },
        openRequests: [{ requestId }],
      })
      t.match(asked.text, /Remove it\?.*yes = Yes.*answer_request/s)

      t.match(await client.call('list_requests'), { data: { requests: [{ requestId, agentId }] } })
      t.match(await client.call('answer_request', { requestId, optionId: 'yes' }), { isError: false })
      t.match((await agent.next('interaction:answer')).payload, { interactionId: requestId, optionId: 'yes' })
      const again = await client.call('answer_request', { requestId, text: 'no' })
      t.match(again, { isError: true, text: /^conflict: / })

      const messages: string[] = []
      const onprogress = ({ message = '' }) => messages.push(message)
      const waiting = client.call<Outcome>('wait_command', { commandId: run.commandId }, { onprogress })
      agent.say('command:progress', { ...run, progress: 0.5, message: 'half way' })
      agent.say('command:result', { ...run, status: 'succeeded', output: { files: 3 } })
      t.match(await waiting, { data: { command: { status: 'succeeded', output: { files: 3 } } }, text: /"files": 3/ })
      t.match(await client.call('get_command', { commandId: run.commandId }), { data: { command: { ended: true } } })
    })

    await t.test(`${generation}: resources can be read, and changes are reported`, async t => {
      const { agentId, agent, connect, requestId, sessionId } = await own(t)
      agent.say('session:start', { sessionId, title: 'Talk' })
      agent.say('message:start', { sessionId, messageId: 'm1', role: 'assistant' })
      agent.say('message:delta', { sessionId, messageId: 'm1', delta: 'Hello' })
      await agent.handled()
      const client = await connect('viewer', generation)
      const uris = (await client.raw.listResources()).resources.map(resource => resource.uri)
      const [requests, one, session] = [
        'fleetwire://requests',
        `fleetwire://agents/${agentId}`,
        `fleetwire://agents/${agentId}/sessions/${sessionId}`,
      ]
      t.same(uris, [requests, one, session])
      await client.subscribe(uris)
      const told = Promise.all(uris.map(uri => client.updated(uri)))
      agent.say('message:delta', { sessionId, messageId: 'm1', delta: ' there' })
      agent.say('interaction:request', { interactionId: requestId, sessionId, ...ask })
      await told
      const read = async (uri: string) =>
        JSON.parse(((await client.raw.readResource({ uri })).contents[0] as { text: string }).text)
      t.match(await read(session), { session: { title: 'Talk' }, items: [{ text: 'Hello there', state: 'open' }] })
      t.match(await read(one), { agent: { openRequests: 1 }, openRequests: [{ requestId }] })
      t.match(await read(requests), { requests: [{ requestId }] })
      await t.rejects(read('fleetwire://agents/none'), /no agent "none"/)
      await t.rejects(read(`fleetwire://agents/${agentId}/sessions/none`), /no session "none"/)
      await t.rejects(read('https://example.com/'), /not found/i)
      const { completion } = await client.raw.complete({
        ref: { type: 'ref/resource', uri: 'fleetwire://agents/{agentId}' },
        argument: { name: 'agentId', value: 'a' },
      })
      t.same(completion.values, [agentId])
    })

    await t.test(`[MC5] ${generation}: cancelling a call ends only the waiting`, async t => {
      // This test counts waiting calls, so no other test may share the server.
      const server = await startMcp(t)
      const agent = await connectAgent(t, server, 'a1')
      const client = await server.client('operator', generation)
      const cancel = new AbortController()
      const sending = client.call(
        'send_command',
        { agentId: 'a1', kind: 'shell', input: 'x', waitSeconds: 300 },
        { signal: cancel.signal },
      )
      const run = await takeCommand(agent)
      const waits = () => server.app.broadcaster.stats().subscribers
      await until(() => waits() === 1)
      cancel.abort()
      await t.rejects(sending)
      await until(() => waits() === 0)
      const { body } = await server.call<{ status: string }>(
        await server.token('admin'),
        'GET',
        `/api/v1/commands/${run.commandId}`,
      )
      t.equal(body.status, 'running')
    })
  }
})

test('[MC2] [MC3] [MC4] [MC9] a session has exactly the rights of its token', async t => {
  const server = await startMcp(t)
  await connectAgent(t, server, 'mine-1')
  const theirs = await connectAgent(t, server, 'theirs-1')
  theirs.say('interaction:request', { interactionId: 'q1', ...ask })
  await theirs.handled()
  const viewer = await server.client('viewer')
  const command = { kind: 'shell', input: 'x', waitSeconds: 0 }
  t.match(await viewer.call('send_command', { agentId: 'mine-1', ...command }), {
    isError: true,
    text: /^forbidden: .*"command".*operator/s,
  })
  t.match(await viewer.call('answer_request', { requestId: 'q1', optionId: 'yes' }), {
    isError: true,
    text: /^forbidden: .*"interact"/,
  })
  const narrow = await server.client('operator', 'sdk 1', { agents: ['mine-*'] })
  t.match(await narrow.call('list_agents'), { data: { agents: { length: 1 } }, text: /^mine-1: / })
  t.match(await narrow.call('list_requests'), { data: { requests: [] } })
  for (const [name, args] of [
    ['get_agent', { agentId: 'theirs-1' }],
    ['send_command', { agentId: 'theirs-1', ...command }],
    ['read_output', { agentId: 'theirs-1' }],
    ['answer_request', { requestId: 'q1', optionId: 'yes' }],
  ] as const)
    t.match(await narrow.call(name, args), { isError: true, text: /^not_found: / }, name)
  await t.rejects(narrow.subscribe(['fleetwire://agents/theirs-1']), /no agent/)
  await narrow.subscribe(['fleetwire://requests', 'fleetwire://agents/mine-1'])
  const updated = narrow.updated('fleetwire://agents/mine-1')
  theirs.say('interaction:request', { interactionId: 'q2', ...ask })
  await theirs.handled()
  await narrow.call('send_command', { agentId: 'mine-1', ...command })
  await updated
  t.notOk(narrow.updates.includes('fleetwire://requests'), 'it receives no updates about hidden resources')
  const commander = await server.client('operator', 'sdk 1', { scopes: ['command'] })
  for (const waitSeconds of [0, 5])
    t.match(await commander.call('send_command', { agentId: 'mine-1', ...command, waitSeconds }), {
      isError: false,
      text: /^cmd_\S+ was accepted, .*forbidden/,
    })
  t.match(await commander.call('list_agents'), { isError: true, text: /^forbidden/ })
})

test('[MC6] only valid tokens from allowed origins are accepted', async t => {
  const server = await startMcp(t)
  const { url } = server
  const post = async (token: string | undefined, headers: Record<string, string> = {}, body: unknown = initialize) =>
    fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const none = await post(undefined)
  t.same([none.status, none.headers.get('www-authenticate')], [401, 'Bearer'])
  t.equal((await post('not.a.token')).status, 401)
  t.equal((await post(await server.token('agent', { sub: 'a1' }))).status, 403)
  const viewer = await server.token('viewer')
  t.equal((await post(viewer, { origin: 'https://evil.example' })).status, 403, 'a page of another origin')
  t.equal((await post(viewer, { origin: url })).status, 200)
  t.equal((await post(viewer, {}, 'no json')).status, 400)
  t.equal((await post(viewer, {}, [])).status, 400)
  t.equal((await post(viewer, {}, '3')).status, 400)
  t.equal((await post(viewer, { accept: 'text/html' })).status, 406)
  t.equal((await post(viewer, { 'mcp-session-id': 'short' })).status, 404)
  t.equal((await fetch(`${url}/mcp?token=${viewer}`, { method: 'POST' })).status, 401, 'a token in the query')
  const get = (headers: Record<string, string>) =>
    fetch(`${url}/mcp`, { headers: { authorization: `Bearer ${viewer}`, ...headers } })
  t.equal((await get({})).status, 400, 'a stream without a session')
  t.equal((await fetch(`${url}/mcp`, { method: 'PUT', headers: { authorization: `Bearer ${viewer}` } })).status, 405)
})
