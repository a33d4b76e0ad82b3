import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { AgentClient, FileJournal } from '../node/index.ts'

/** An agent that a test can kill: writes down each run, then reports progress; the input `wait` never ends. */
const [url = '', folder = ''] = process.argv.slice(2)

const agent = new AgentClient({
  url,
  token: 'T',
  random: () => 0,
  maxConcurrency: 10,
  journal: await FileJournal.open({ folder, agentId: 'a1' }),
  handlers: {
    shell(run) {
      appendFileSync(join(folder, 'runs'), `${run.commandId}\n`)
      run.progress({ progress: 0 })
      return run.input === 'wait' ? new Promise(() => {}) : { status: 'succeeded', output: run.attempt }
    },
  },
})
await agent.start()
