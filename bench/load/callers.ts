import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { serveCalls } from '../lib/role.ts'

export interface CallersOptions {
  /** Callers are spread over these ports. */
  ports: readonly number[]
  token: string
  callers: number
  /** Commands are spread over agents `agent-0` to `agent-<agents - 1>`. */
  agents: number
  durationMs: number
}

export interface CallersResult {
  elapsedMs: number
  /** For each accepted submission, ms from writing the request to the last byte of the response. */
  latencies: number[]
  refused: number
  cpuMs: number
}

let submitted = 0

function nextRequest({ token, agents }: CallersOptions): string {
  const n = submitted++
  const input = `Summarise the open incidents of shift ${n} and propose what to do next, in three sentences.`
  const body = JSON.stringify({ kind: 'prompt', input })
  return (
    `POST /api/v1/agents/agent-${n % agents}/commands HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  )
}

/**
 * The status, once the response is complete. Parsed by hand: Node's HTTP client takes a third of the time that the
 * server takes for the same request, and would be measured with it.
 */
function statusOf(answer: string): number | undefined {
  const head = answer.indexOf('\r\n\r\n')
  if (head === -1) return undefined
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer)?.[1])
  return answer.length < head + 4 + length ? undefined : Number(answer.slice(9, 12))
}

/** Keeps one request in flight on one connection until `endsAt`. */
async function caller(port: number, options: CallersOptions, endsAt: number, result: CallersResult): Promise<void> {
  const socket: Socket = connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1')
  await once(socket, 'connect')
  let sentAt = 0
  let answer = ''
  const send = () => {
    sentAt = performance.now()
    if (sentAt >= endsAt) socket.end()
    else socket.write(nextRequest(options))
  }
  socket.on('data', (chunk: string) => {
    answer += chunk
    const status = statusOf(answer)
    if (status === undefined) return
    answer = ''
    if (status === 202) result.latencies.push(performance.now() - sentAt)
    else result.refused++
    send()
  })
  send()
  await once(socket, 'close')
}

export const callers = serveCalls({
  async run(options: CallersOptions): Promise<CallersResult> {
    const result: CallersResult = { elapsedMs: 0, latencies: [], refused: 0, cpuMs: 0 }
    const startedAt = performance.now()
    const cpu = process.cpuUsage()
    const { ports, callers, durationMs } = options
    const all = Array.from({ length: callers }, (_, i) =>
      caller(ports[i % ports.length]!, options, startedAt + durationMs, result),
    )
    await Promise.all(all)
    const { user, system } = process.cpuUsage(cpu)
    return { ...result, elapsedMs: performance.now() - startedAt, cpuMs: (user + system) / 1000 }
  },
})
