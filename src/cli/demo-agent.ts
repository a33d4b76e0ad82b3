import type { CrewOrder } from '../demo/crew.ts'
import { removeWorkplace } from '../demo/workplace.ts'
import { readVersion } from '../version.ts'

// Not a CLI command: `fleetwire demo` starts this process for each of its agents. It takes its orders from that parent
// process and ends with it, however the parent ends.

interface Work {
  start(): Promise<void>
  stop(graceMs: number): Promise<void>
}

/** Time for running commands to end by themselves. */
const GRACE_MS = 1500
/** Without the parent, nobody gets the results. */
const ORPHAN_GRACE_MS = 500

const say = (message: string): void => void process.stderr.write(`fleetwire demo: ${message}\n`)
// The reader of stderr may be gone already.
process.stderr.on('error', () => {})

let work: Work | undefined
let folder: string | undefined
let isOrphan = false
let isLeaving = false

async function leave(graceMs: number): Promise<void> {
  if (isLeaving) return
  isLeaving = true
  try {
    await work?.stop(graceMs)
    // The parent has gone and cannot remove it.
    if (isOrphan && folder !== undefined) await removeWorkplace(folder)
  } finally {
    process.exit()
  }
}

async function prepare(order: Exclude<CrewOrder, { do: 'stop' }>): Promise<Work> {
  if (order.do === 'synthetic') {
    const { SyntheticAgents } = await import('../demo/synthetic-agents.ts')
    return new SyntheticAgents({ ...order, version: readVersion() })
  }
  const { AgentHost } = await import('../demo/agent-host.ts')
  return new AgentHost({ ...order, env: process.env, version: readVersion(), onError: say })
}

// A terminal sends SIGINT (Ctrl-C) and SIGHUP to the whole process group. Ignore both: the parent decides when to end.
process.on('SIGINT', () => {})
process.on('SIGHUP', () => {})
process.on('SIGTERM', () => void leave(GRACE_MS))
process.once('disconnect', () => {
  isOrphan = true
  void leave(ORPHAN_GRACE_MS)
})
process.on('message', (order: CrewOrder) => {
  if (order.do === 'stop') return void leave(GRACE_MS)
  if (order.do === 'agent') folder = order.folder
  prepare(order)
    .then(prepared => {
      work = prepared
      return isLeaving ? undefined : prepared.start()
    })
    .catch(error => {
      say((error as Error).stack ?? String(error))
      process.exit(1)
    })
})
