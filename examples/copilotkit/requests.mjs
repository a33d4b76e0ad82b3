// Makes the requests of a CopilotKit page, one after the other, without CopilotKit, and prints the responses.
//
//   FLEETWIRE_URL=… FLEETWIRE_TOKEN=… node examples/copilotkit/requests.mjs <agentId> <prompt>
import { randomUUID } from 'node:crypto'

const { FLEETWIRE_URL = 'http://127.0.0.1:3000', FLEETWIRE_TOKEN } = process.env
const [agentId, prompt = 'hello'] = process.argv.slice(2)
if (agentId === undefined || !FLEETWIRE_TOKEN) {
  console.error('usage: FLEETWIRE_TOKEN=… requests.mjs <agentId> [prompt]')
  process.exit(2)
}
const base = `${FLEETWIRE_URL}/ag-ui/copilotkit`
const threadId = randomUUID()

/** As CopilotKit's client sends it: the whole conversation, and no `protocolVersion`. */
const input = messages => ({
  ...{ threadId, runId: randomUUID(), messages, state: {}, tools: [], context: [], forwardedProps: {} },
})

async function ask(path, body) {
  const answer = await fetch(base + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${FLEETWIRE_TOKEN}`,
      ...(body !== undefined && { 'content-type': 'application/json', accept: 'text/event-stream' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}: ${await answer.text()}`)
  return answer
}

/** The events of a stream, as they arrive. */
async function* events(answer) {
  let rest = ''
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
    const frames = (rest + text).split('\n\n')
    rest = frames.pop()
    for (const frame of frames) {
      const data = frame.split('\n').filter(line => line.startsWith('data: '))
      if (data.length > 0) yield JSON.parse(data.map(line => line.slice(6)).join('\n'))
    }
  }
}

async function print(title, answer) {
  let text = ''
  const types = []
  for await (const event of events(answer)) {
    if (event.type === 'TEXT_MESSAGE_CONTENT') text += event.delta
    if (event.type === 'RUN_ERROR') text += `(${event.code}: ${event.message})`
    if (types.at(-1) !== event.type) types.push(event.type)
  }
  console.log(`${title}: ${types.join(' ')}`)
  console.log(`${title} says: ${text.trim()}`)
  return text
}

// The page opens: which agents are there, and what is in the thread?
const info = await (await ask('/info')).json()
console.log(`info: ${Object.keys(info.agents).join(', ')}`)
const path = `/agent/${encodeURIComponent(agentId)}`
await print('connect', await ask(`${path}/connect`, input([])))

// The user sends a message.
const said = { id: randomUUID(), role: 'user', content: prompt }
const text = await print('run', await ask(`${path}/run`, input([said])))

// The page opens again: it gets the conversation without running anything.
await print('connect again', await ask(`${path}/connect`, input([])))

// The next message, this time through the single route that some set-ups use; the user presses Stop at once.
const history = [said, { id: randomUUID(), role: 'assistant', content: text }]
const next = input([...history, { id: randomUUID(), role: 'user', content: prompt }])
const running = await ask('', { method: 'agent/run', params: { agentId }, body: next })
const stopped = await (await ask('', { method: 'agent/stop', params: { agentId, threadId } })).json()
console.log(`stop: ${JSON.stringify(stopped)}`)
await print('run', running)
