import { AgentClient, type AgentTerminal } from '@fleetwire/client/node'
import { serveCalls } from '../lib/role.ts'

/** SDK agents in one process: they report their status, stream messages, write to a terminal, and can be stopped. */
const agents: AgentClient[] = []
const timers: NodeJS.Timeout[] = []
const stoppedAt: number[] = []
let sent = 0
let terminal: AgentTerminal | undefined

const WORDS = 'the fleet reads a file and writes what it found there '.split(' ')
const TICK_MS = 20
const now = () => performance.timeOrigin + performance.now()

export const busyFleet = serveCalls({
  async connect(url: string, ids: string[], tokens: string[]): Promise<void> {
    for (const [index, id] of ids.entries()) {
      const agent = new AgentClient({
        ...{ url, token: tokens[index]!, name: id },
        handlers: {
          async shell(run) {
            await new Promise<void>(resolve => run.signal.addEventListener('abort', () => resolve()))
            stoppedAt.push(now())
            return { status: 'cancelled' }
          },
          async prompt(run) {
            const message = run.message()
            const perTick = (Number(run.input) * TICK_MS) / 1000
            let words = 0
            await new Promise<void>(resolve => {
              const timer = setInterval(() => {
                for (let i = 0; i < perTick; i++, words++) {
                  message.append(words % 400 === 399 ? '\n\n' : `${WORDS[words % WORDS.length]} `)
                }
                sent += perTick
              }, TICK_MS)
              run.signal.addEventListener('abort', () => {
                clearInterval(timer)
                resolve()
              })
            })
            message.end()
            return { status: 'cancelled' }
          },
        },
      })
      agents.push(agent)
      if (agents.length % 50 === 0) await Promise.all(agents.slice(-50).map(one => one.start()))
    }
    await Promise.all(agents.map(agent => agent.start()))
  },
  /** Each of the first `count` agents reports `perSecond` status changes. */
  tell(count: number, perSecond: number): void {
    let turn = 0
    const perTick = (count * perSecond * TICK_MS) / 1000
    timers.push(
      setInterval(() => {
        for (let i = 0; i < perTick; i++, turn++) {
          agents[turn % count]!.report('agent:status', { work: 'working', detail: `step ${turn}` })
          sent++
        }
      }, TICK_MS),
    )
  },
  /** Writes this many bytes per second to a terminal of the first agent. */
  write(bytesPerSecond: number): void {
    terminal ??= agents[0]!.openTerminal({ terminalId: 'main', cols: 120, rows: 40, onInput() {} })
    const line = `\x1b[32m✓\x1b[0m ${'ok '.repeat(30)}\r\n`
    const lines = Math.round((bytesPerSecond * TICK_MS) / 1000 / line.length)
    const bytes = new TextEncoder().encode(line.repeat(lines))
    let free = true
    timers.push(
      setInterval(async () => {
        if (!free) return
        free = false
        sent += bytes.length
        await terminal!.write(bytes)
        free = true
      }, TICK_MS),
    )
  },
  rest(): void {
    for (const timer of timers.splice(0)) clearInterval(timer)
  },
  takeSent(): number {
    const before = sent
    sent = 0
    return before
  },
  takeStops: (): number[] => stoppedAt.splice(0),
})
