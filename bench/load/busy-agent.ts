import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { FrameCounter, maskedFrame, upgradeRequest } from '../lib/raw-client.ts'
import { serveCalls, sharedNow } from '../lib/role.ts'

export interface BusyAgentOptions {
  port: number
  path: string
  token?: string
}

interface Dispatch {
  commandId: string
  attempt: number
  input: string
}

/** Commands with larger inputs only fill the socket ahead of the interrupt. */
const BALLAST_FROM = 1024
const LINE = 'ok 1204 - the store gives back what was put into it # time=1.204ms\r\n'
const CHUNK = LINE.repeat(850)

let socket: Socket
/** The numbers of the last frame that was sent and of the last that the server has stored. */
let sent = 0
let stored = 0
let offset = 0
let established = false
let begun = 0
let inTheWay = 0
const interruptedAt = new Map<string, number>()
/** While set, the agent reads what has arrived (at most 64 KiB) once every `crawlMs`. */
let crawlMs: number | undefined
const looks = new Set<() => void>()

function send(type: string, payload: object): void {
  socket.write(maskedFrame(JSON.stringify({ type, payload })))
}

function report(type: string, payload: object): void {
  socket.write(maskedFrame(JSON.stringify({ type, payload, n: ++sent })))
}

/** Resolves when the frames received so far satisfy the condition. */
function until(isSo: () => boolean): Promise<void> {
  return new Promise(resolve => {
    const look = () => {
      if (!isSo()) return
      looks.delete(look)
      resolve()
    }
    looks.add(look)
    look()
  })
}

function receive(content: Buffer): void {
  // Pings are empty.
  if (content.length === 0) return
  const frame = JSON.parse(content.toString()) as { type: string; payload: Dispatch & { n: number } }
  const { commandId, attempt, input, n } = frame.payload
  switch (frame.type) {
    case 'connection:established':
      established = true
      break
    case 'command:dispatch':
      if (input.length > BALLAST_FROM) {
        inTheWay++
        report('command:reject', { commandId, attempt, reason: 'policy' })
      } else {
        begun++
        report('command:ack', { commandId, attempt })
      }
      break
    case 'report:ack':
      stored = n
      break
    case 'command:interrupt':
      if (interruptedAt.has(commandId)) break
      interruptedAt.set(commandId, sharedNow())
      report('command:result', { commandId, attempt, status: 'cancelled' })
  }
  for (const look of looks) look()
}

function read(frames: FrameCounter, chunk: Buffer): void {
  frames.add(chunk, receive)
  if (crawlMs === undefined) return
  socket.pause()
  setTimeout(() => socket.resume(), crawlMs)
}

export const busyAgent = serveCalls({
  async connect({ port, path, token }: BusyAgentOptions): Promise<void> {
    socket = connect(port, '127.0.0.1').setNoDelay()
    await once(socket, 'connect')
    socket.write(upgradeRequest(path, token))
    const [head] = (await once(socket, 'data')) as [Buffer]
    if (!head.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(head.toString())
    const frames = new FrameCounter()
    socket.on('data', chunk => read(frames, chunk))
    const hello = { bootId: 'bench', capabilities: { kinds: ['prompt'] }, maxConcurrency: 64, inventory: [] }
    send('agent:connect', hello)
    await until(() => established)
  },
  /** Resolves when this many commands are running and the server has stored all reports. */
  begun: (commands: number): Promise<void> => until(() => begun === commands && stored === sent),
  /** Resolves when this many ballast commands have arrived and the server has stored all reports. */
  settled: (commands: number): Promise<void> => until(() => inTheWay === commands && stored === sent),
  stall: (): void => void socket.pause(),
  /**
   * Requests an interrupt over REST and waits for its frame; returns the time between the two, ms. Before that, sends
   * `outputBytes` of terminal output, and then reads slowly if `crawlMs` is set.
   */
  async interrupt(options: {
    url: string
    token: string
    commandId: string
    outputBytes: number
    crawlMs?: number
  }): Promise<number> {
    for (let left = options.outputBytes; left > 0; left -= CHUNK.length) {
      send('terminal:output', { terminalId: 'main', offset, data: CHUNK, encoding: 'utf8' })
      offset += CHUNK.length
    }
    crawlMs = options.crawlMs
    socket.resume()
    const askedAt = sharedNow()
    const response = await fetch(`${options.url}/api/v1/commands/${options.commandId}/interrupt`, {
      method: 'POST',
      headers: { authorization: `Bearer ${options.token}` },
    })
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
    await until(() => interruptedAt.has(options.commandId))
    crawlMs = undefined
    return interruptedAt.get(options.commandId)! - askedAt
  },
})
