import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { AgentClient, type CommandRun, MemoryJournal } from '@fleetwire/client/node'
import { FrameCounter, maskedFrame, upgradeRequest } from '../lib/raw-client.ts'
import { serveCalls, sharedNow } from '../lib/role.ts'
import { agentIdOf, type Dialect, type DialectName, dialects, type Hello } from '../lib/stream-dialects.ts'

export interface StreamsOptions {
  dialect: DialectName
  port: number
  /** The port that agents connect to. Default: `port`. */
  agentPort?: number
  /** One for each agent. */
  agentTokens: string[]
  viewerToken: string
  /** Sockets that watch each agent. */
  viewersEach: number
  /** Sockets that watch all agents. */
  viewersOfAll: number
}

export interface Load {
  what: 'delta' | 'event'
  /**
   * `window`: each agent keeps this many deltas in flight, and sends the next when its first viewer has received one.
   * `burst`: this many are sent at once when every viewer has the previous burst. `rate`: each agent sends this many a
   * second, whether or not they are received.
   */
  pacing: { kind: 'window' | 'burst'; inFlight: number } | { kind: 'rate'; perSecond: number }
}

export interface Outcome {
  /** The share of sent deltas that the slowest viewer has received, 0 to 1. */
  whole: number
  latencies: number[]
}

/**
 * The text of a delta: a mark, the agent, its position among the agent's texts, the send time (µs), and words. This
 * way, joined deltas can still be told apart, and a repetition in a summary does not count twice. The mark has three
 * characters, because the two length bytes of a frame can have any value.
 */
const MARK = Buffer.from('@@@')
const [AGENT_DIGITS, PLACE_DIGITS, TIME_DIGITS] = [3, 8, 14]
const MARKED_BYTES = MARK.length + AGENT_DIGITS + PLACE_DIGITS + TIME_DIGITS
const WORDS = ' and then the tests pass'

const digits = (value: number, count: number) => String(value).padStart(count, '0')

interface Viewer {
  socket: Socket
  received: number
  /** The position of the last text received from each agent. */
  places: number[]
  rest: Buffer
}
interface Agent {
  i: number
  say(what: Load['what'], texts: string[]): void
  close(): void
  /** In this round; `place`: in all rounds. */
  sent: number
  place: number
  viewers: Viewer[]
}

let agents: Agent[] = []
let viewersOfAll: Viewer[] = []
let latencies: number[] = []
let isMeasuring = false
let current: Load | undefined
/** The number of viewers that have not received the whole current burst. */
let missing = 0
let burstAt = 0

/** Deadline for a socket to become ready. */
const READY_MS = 15_000

async function open(
  port: number,
  { ping, pong }: Dialect,
  token: string,
  { path, hello, atLast = [], readyAfter }: Hello,
) {
  const socket = connect(port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  socket.write(upgradeRequest(path, token))
  const frames = new FrameCounter()
  let answers = 0
  let last = ''
  const ready = new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => {
      reject(
        new Error(`${path}: ${answers} of ${readyAfter} answers came within ${READY_MS} ms; the last was: ${last}`),
      )
    }, READY_MS)
    const waiting = [...atLast]
    let head: Buffer | undefined = Buffer.alloc(0)
    const onData = (chunk: Buffer) => {
      if (head !== undefined) {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf('\r\n\r\n')
        if (end === -1) return
        if (!head.toString('latin1').startsWith('HTTP/1.1 101')) return reject(new Error(head.toString('latin1')))
        for (const text of hello) socket.write(maskedFrame(text))
        chunk = head.subarray(end + 4)
        head = undefined
      }
      frames.add(chunk, payload => {
        last = payload.toString()
        if (last === ping) socket.write(maskedFrame(pong!))
        // One message may contain several responses, one per line.
        answers += last.trimEnd().split('\n').length
      })
      if (answers >= readyAfter - 1) for (const text of waiting.splice(0)) socket.write(maskedFrame(text))
      if (answers < readyAfter) return
      clearTimeout(late)
      socket.off('data', onData).off('close', onClose)
      socket.on('close', () => {
        if (agents.length > 0) throw new Error('a socket was closed by the server')
      })
      resolve()
    }
    const onClose = () => {
      clearTimeout(late)
      reject(
        new Error(`${path}: closed by the server after ${answers} of ${readyAfter} answers; the last was: ${last}`),
      )
    }
    socket.on('data', onData).on('close', onClose)
  })
  await ready
  return socket
}

function send(agent: Agent, count: number): void {
  if (current === undefined || count <= 0) return
  const at = digits(Math.round(sharedNow() * 1000), TIME_DIGITS)
  const said = `${MARK}${digits(agent.i, AGENT_DIGITS)}`
  const texts = Array.from({ length: count }, () => `${said}${digits(++agent.place, PLACE_DIGITS)}${at}${WORDS}`)
  agent.sent += count
  agent.say(current.what, texts)
}

/** An agent on a raw socket, since client libraries cost more than the measured server. Sends one message per text. */
async function rawAgent(i: number, dialect: Dialect, port: number, token: string): Promise<Agent> {
  const speaker = dialect.agent(i)
  const { delta, event } = speaker
  const socket = await open(port, dialect, token, speaker)
  socket.resume()
  return {
    ...{ i, sent: 0, place: 0, viewers: [] },
    say: (what, texts) =>
      socket.write(Buffer.concat(texts.map(text => maskedFrame((what === 'delta' ? delta : event)(text))))),
    close: () => socket.destroy(),
  }
}

/** Uses the SDK, which joins texts within a few milliseconds. */
async function sdkAgent(i: number, port: number, token: string, operator: string): Promise<Agent> {
  const agentId = agentIdOf(i)
  const url = `http://127.0.0.1:${port}`
  let onRun: (run: CommandRun) => void
  let onEnd: () => void
  const begun = new Promise<CommandRun>(resolve => {
    onRun = resolve
  })
  const ended = new Promise<void>(resolve => {
    onEnd = resolve
  })
  const client = new AgentClient({
    ...{ url, token, journal: new MemoryJournal() },
    handlers: {
      async prompt(run) {
        onRun(run)
        await ended
        return { status: 'succeeded' }
      },
    },
  })
  await client.start()
  await new Promise<void>(resolve => {
    client.status.subscribe(({ state }) => state === 'online' && resolve())
    if (client.status.value.state === 'online') resolve()
  })
  const response = await fetch(`${url}/api/v1/agents/${agentId}/commands`, {
    method: 'POST',
    headers: { authorization: `Bearer ${operator}`, 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'prompt', input: 'Tell.' }),
  })
  if (!response.ok) throw new Error(await response.text())
  const message = (await begun).message()
  return {
    ...{ i, sent: 0, place: 0, viewers: [] },
    say(what, texts) {
      for (const text of texts) {
        if (what === 'delta') message.append(text)
        else client.report('agent:error', { message: text })
      }
    },
    close() {
      onEnd()
      void client.stop()
    },
  }
}

function sendBurst(agent: Agent, inFlight: number): void {
  missing = agent.viewers.length
  burstAt = sharedNow()
  send(agent, inFlight)
}

function read(viewer: Viewer, chunk: Buffer): number {
  const data = viewer.rest.length === 0 ? chunk : Buffer.concat([viewer.rest, chunk])
  const now = sharedNow()
  let found = 0
  let at = data.indexOf(MARK)
  for (; at !== -1 && at + MARKED_BYTES <= data.length; at = data.indexOf(MARK, at + MARKED_BYTES)) {
    const said = data.toString('latin1', at + MARK.length, at + MARKED_BYTES)
    const agent = Number(said.slice(0, AGENT_DIGITS))
    const place = Number(said.slice(AGENT_DIGITS, -TIME_DIGITS))
    const before = viewer.places[agent] ?? 0
    // A summary repeats earlier texts.
    if (place <= before) continue
    if (place > before + 1) throw new Error(`${agentIdOf(agent)}: text ${place} came after ${before}`)
    viewer.places[agent] = place
    found++
    if (isMeasuring && current?.pacing.kind !== 'burst') latencies.push(now - Number(said.slice(-TIME_DIGITS)) / 1000)
  }
  // Keep the rest: it may begin with a mark or a part of one.
  viewer.rest = Buffer.from(data.subarray(at === -1 ? Math.max(0, data.length - MARK.length + 1) : at))
  viewer.received += found
  return found
}

function watch(agent: Agent | undefined, socket: Socket): Viewer {
  const viewer: Viewer = { socket, received: 0, places: [], rest: Buffer.alloc(0) }
  socket.on('data', chunk => {
    const before = viewer.received
    const found = read(viewer, chunk)
    if (agent === undefined || found === 0 || current === undefined) return
    const { pacing } = current
    if (pacing.kind === 'window' && agent.viewers[0] === viewer) send(agent, found)
    else if (pacing.kind === 'burst' && before < agent.sent && viewer.received === agent.sent && --missing === 0) {
      if (isMeasuring) latencies.push(sharedNow() - burstAt)
      setImmediate(() => sendBurst(agent, pacing.inFlight))
    }
  })
  return viewer
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
const all = () => [...viewersOfAll, ...agents.flatMap(agent => agent.viewers)]

async function settled(): Promise<void> {
  for (let before = -1, now = 0, quiet = 0; quiet < 5; before = now) {
    await new Promise(resolve => setTimeout(resolve, 100))
    now = sum(all().map(viewer => viewer.received))
    quiet = now === before ? quiet + 1 : 0
  }
}

export const streams = serveCalls({
  async connect(options: StreamsOptions): Promise<void> {
    const dialect = dialects[options.dialect]
    const { port, agentPort = port, viewerToken, viewersEach } = options
    for (const [i, token] of options.agentTokens.entries()) {
      const agent =
        options.dialect === 'sdk'
          ? await sdkAgent(i, agentPort, token, viewerToken)
          : await rawAgent(i, dialect, agentPort, token)
      for (let k = 0; k < viewersEach; k++) {
        agent.viewers.push(watch(agent, await open(port, dialect, viewerToken, dialect.viewer([i]))))
      }
      agents.push(agent)
    }
    for (let k = 0; k < options.viewersOfAll; k++) {
      const hello = dialect.viewer(agents.map(agent => agent.i))
      viewersOfAll.push(watch(undefined, await open(port, dialect, viewerToken, hello)))
    }
  },
  /** Begins the load; latencies count only after `measure`. */
  begin(load: Load): void {
    current = load
    isMeasuring = false
    latencies = []
    for (const agent of agents) agent.sent = 0
    for (const viewer of all()) viewer.received = 0
    const { pacing } = load
    if (pacing.kind === 'rate') void pace(load, pacing.perSecond)
    else if (pacing.kind === 'burst') sendBurst(agents[0]!, pacing.inFlight)
    else for (const agent of agents) send(agent, pacing.inFlight)
  },
  /** Starts sampling latencies; returns the number of texts received so far. */
  measure(): number {
    isMeasuring = true
    return sum(all().map(viewer => viewer.received))
  },
  received: (): number => sum(all().map(viewer => viewer.received)),
  async end(): Promise<Outcome> {
    isMeasuring = false
    current = undefined
    await settled()
    const sent = sum(agents.map(agent => agent.sent))
    const shares = [
      ...viewersOfAll.map(viewer => viewer.received / sent),
      ...agents.flatMap(agent => agent.viewers.map(viewer => viewer.received / agent.sent)),
    ]
    return { whole: Math.min(...shares), latencies }
  },
  close(): void {
    const viewers = all()
    const speakers = agents
    agents = []
    viewersOfAll = []
    for (const { socket } of viewers) socket.destroy()
    for (const agent of speakers) agent.close()
  },
  cpuMs(): number {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
})

/** Lets agents send in turn, so that the load is even within each second. */
async function pace(load: Load, perSecond: number): Promise<void> {
  const startedAt = performance.now()
  const everyMs = 1000 / (perSecond * agents.length)
  for (let n = 0; current === load; ) {
    const due = Math.floor((performance.now() - startedAt) / everyMs)
    for (; n < due; n++) send(agents[n % agents.length]!, 1)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}
