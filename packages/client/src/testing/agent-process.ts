import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { AgentClient, FileJournal } from '../node/index.ts'

/**
 * An agent that a test can kill: logs each run, then reports progress. The input `wait` never ends, `ask` asks a
 * person, `asked there` is answered at the agent's own terminal.
 */
const [url = '', folder = ''] = process.argv.slice(2)

const agent = new AgentClient({
  url,
  token: 'T',
  random: () => 0,
  maxConcurrency: 10,
  journal: await FileJournal.open({ folder, agentId: 'a1' }),
  handlers: {
    async shell(run) {
      appendFileSync(join(folder, 'runs'), `${run.commandId}\n`)
      run.progress({ progress: 0 })
      if (run.input === 'wait') return new Promise(() => {})
      const { commandId } = run
      const interactionId = `int_${commandId}`
      const options = [{ id: 'yes', label: 'Yes', effect: 'allow' as const }]
      const question = { interactionId, commandId, kind: 'permission' as const, title: 'May I?', options }
      if (run.input === 'ask') {
        await agent.ask(question)
        agent.report('interaction:applied', { interactionId })
      } else if (run.input === 'asked there') {
        run.report('interaction:request', question)
        run.report('interaction:resolved', { interactionId, optionId: 'yes' })
      }
      return { status: 'succeeded', output: run.attempt }
    },
  },
})
await agent.start()
