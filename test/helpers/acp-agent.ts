import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Readable, Writable } from 'node:stream'
import * as acp from '@agentclientprotocol/sdk'

/**
 * An agent of the Agent Client Protocol that runs in its own process and follows its prompts, one instruction per line.
 * Options: `load=<file>` and `resume=<file>` (it can resume sessions, whose number of turns it stores in the file),
 * `version=<n>`, `auth` (requires a login), `silent` (answers nothing).
 */
const options = process.argv.slice(2)
const optionOf = (name: string) => options.find(option => option.startsWith(`${name}=`))?.slice(name.length + 1)
const memory = optionOf('load') ?? optionOf('resume')

interface Session {
  turns: number
  cancel: AbortController
}
const sessions = new Map<string, Session>()
let loggedIn = !options.includes('auth')

type Turn = { sessionId: string; client: acp.AgentContext; signal: AbortSignal }
type Update = acp.SessionUpdate

const tell = ({ client, sessionId }: Turn, update: Update) =>
  client.notify(acp.methods.client.session.update, { sessionId, update })
const say = (turn: Turn, text: string) =>
  tell(turn, { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } })
const untilCancelled = ({ signal }: Turn) =>
  new Promise<void>(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve())
  })

const instructions: Record<string, (turn: Turn, rest: string) => unknown> = {
  say: (turn, text) => say(turn, text),
  async slowly(turn, text) {
    await new Promise(resolve => setTimeout(resolve, 15))
    await say(turn, text)
  },
  // `until <path>`: counts, piece by piece, until the file exists.
  async until(turn, path) {
    let count = 0
    while (!existsSync(path)) {
      await new Promise(resolve => setTimeout(resolve, 15))
      await say(turn, `${count++}.`)
    }
    await say(turn, ` ${count} in all; `)
  },
  think: (turn, text) => tell(turn, { sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text } }),
  // `update <json>`: sends any update.
  update: (turn, json) => tell(turn, JSON.parse(json)),
  plan: (turn, json) => tell(turn, { sessionUpdate: 'plan', entries: JSON.parse(json) }),
  async ask(turn, title) {
    const { outcome } = await turn.client.request('session/request_permission', {
      sessionId: turn.sessionId,
      toolCall: {
        toolCallId: 'asked',
        title,
        kind: 'edit',
        content: [{ type: 'diff', path: '/w/a.txt', oldText: 'one\n', newText: 'two\n' }],
      },
      options: [
        { optionId: 'allow_once', name: 'Once', kind: 'allow_once' },
        { optionId: 'not an id!', name: 'Always', kind: 'allow_always' },
        { optionId: 'no', name: 'No', kind: 'reject_once' },
      ],
    })
    await say(turn, outcome.outcome === 'selected' ? `chosen: ${outcome.optionId}` : 'withdrawn')
  },
  async form(turn, message) {
    const answer = await turn.client.request('elicitation/create', {
      sessionId: turn.sessionId,
      mode: 'form',
      message,
      requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
    })
    await say(turn, JSON.stringify(answer))
  },
  async read(turn, path) {
    const { content } = await turn.client.request('fs/read_text_file', { sessionId: turn.sessionId, path })
    await say(turn, `read: ${content}`)
  },
  async write(turn, rest) {
    const [path = '', ...content] = rest.split(' ')
    await turn.client.request('fs/write_text_file', { sessionId: turn.sessionId, path, content: content.join(' ') })
    await say(turn, 'written')
  },
  async run(turn, command) {
    const terminal = await turn.client.createTerminal({ sessionId: turn.sessionId, command })
    const exit = await terminal.waitForExit()
    const { output } = await terminal.currentOutput()
    await terminal.release()
    await say(turn, `${JSON.stringify(exit)} ${output}`)
  },
  // Leaves the command running.
  async start(turn, command) {
    const { id } = await turn.client.createTerminal({ sessionId: turn.sessionId, command })
    await say(turn, id)
  },
  async call(turn, method) {
    await turn.client.request(method, {}).catch(error => say(turn, `${error.code} ${error.message}`))
  },
  print: (_turn, line) => void process.stdout.write(`${line}\n`),
  complain: (_turn, line) => void process.stderr.write(`${line}\n`),
  wait: turn => untilCancelled(turn),
  hang: () => new Promise(() => {}),
  exit: (_turn, code) => process.exit(Number(code)),
  pids: turn => say(turn, `${process.pid} ${execFileSync('ps', ['-o', 'sid=', '-p', String(process.pid)])}`),
  fail(_turn, message) {
    throw new acp.RequestError(-32000, message)
  },
  turns: turn => say(turn, `turn ${sessions.get(turn.sessionId)!.turns}`),
}

async function prompt(turn: Turn, text: string): Promise<acp.PromptResponse> {
  for (const line of text.split('\n')) {
    if (turn.signal.aborted) break
    const [word = '', ...rest] = line.split(' ')
    const act = instructions[word]
    try {
      if (act === undefined) await say(turn, `I heard: ${line}`)
      else await act(turn, rest.join(' '))
    } catch (error) {
      if (word === 'fail') throw error
      await say(turn, `refused: ${(error as Error).message}`)
    }
  }
  const usage = { totalTokens: 12, inputTokens: 10, outputTokens: 2 }
  return { stopReason: turn.signal.aborted ? 'cancelled' : 'end_turn', usage } as acp.PromptResponse
}

const remembered = (): Record<string, number> => {
  try {
    return JSON.parse(readFileSync(memory!, 'utf8'))
  } catch {
    return {}
  }
}

function begin(sessionId: string, turns = 0): void {
  sessions.set(sessionId, { turns, cancel: new AbortController() })
}

function takeUp(sessionId: string): void {
  const turns = remembered()[sessionId]
  if (turns === undefined) throw new acp.RequestError(-32002, `no session ${sessionId}`)
  begin(sessionId, turns)
}

const modes = {
  currentModeId: 'ask',
  availableModes: [
    { id: 'ask', name: 'Ask' },
    { id: 'code', name: 'Code' },
  ],
}

const stream = acp.ndJsonStream(
  Writable.toWeb(process.stdout),
  Readable.toWeb(process.stdin) as unknown as ReadableStream<Uint8Array>,
)
if (options.includes('silent')) process.stdin.resume()
else
  acp
    .agent({ name: 'test-agent' })
    .onRequest('initialize', () => ({
      protocolVersion: Number(optionOf('version') ?? acp.PROTOCOL_VERSION),
      agentInfo: { name: 'test-agent', version: '7.1' },
      agentCapabilities: {
        loadSession: optionOf('load') !== undefined,
        ...(optionOf('resume') !== undefined && { sessionCapabilities: { resume: {} } }),
      },
      authMethods: [{ id: 'browser', name: 'In a browser' }],
    }))
    .onRequest('authenticate', () => {
      loggedIn = true
      return {}
    })
    .onRequest('session/new', () => {
      if (!loggedIn) throw acp.RequestError.authRequired()
      // Not a valid Fleetwire id.
      const sessionId = `s/${process.pid}.${sessions.size}`
      begin(sessionId)
      return { sessionId, modes }
    })
    .onRequest('session/load', async ({ params: { sessionId }, client }) => {
      takeUp(sessionId)
      const turn = { sessionId, client, signal: new AbortController().signal }
      await tell(turn, {
        sessionUpdate: 'user_message_chunk',
        content: { type: 'text', text: 'what was asked before' },
      })
      await say(turn, 'what was said before')
      return { modes }
    })
    .onRequest('session/resume', ({ params: { sessionId } }) => {
      takeUp(sessionId)
      return { modes }
    })
    .onRequest('session/set_mode', async ({ params: { sessionId, modeId }, client }) => {
      if (!modes.availableModes.some(({ id }) => id === modeId)) throw new acp.RequestError(-32602, `no mode ${modeId}`)
      await client.notify(acp.methods.client.session.update, {
        sessionId,
        update: { sessionUpdate: 'current_mode_update', currentModeId: modeId },
      })
      return {}
    })
    .onRequest('session/prompt', async ({ params: { sessionId, prompt: blocks }, client }) => {
      const session = sessions.get(sessionId)
      if (session === undefined) throw new acp.RequestError(-32002, `no session ${sessionId}`)
      session.cancel = new AbortController()
      session.turns++
      if (memory !== undefined) writeFileSync(memory, JSON.stringify({ ...remembered(), [sessionId]: session.turns }))
      const text = blocks.map(block => (block.type === 'text' ? block.text : `[${block.type}]`)).join('\n')
      return prompt({ sessionId, client, signal: session.cancel.signal }, text)
    })
    .onNotification('session/cancel', ({ params: { sessionId } }) => sessions.get(sessionId)?.cancel.abort())
    .connect(stream)
