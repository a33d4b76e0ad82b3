import { AgentClient, FileJournal } from '@fleetwire/client/node'

const agent = new AgentClient({
  url: 'http://127.0.0.1:3000',
  token: process.env.FLEETWIRE_TOKEN ?? '',
  name: 'Summariser',
  maxConcurrency: 2,
  journal: await FileJournal.open({ folder: './data', agentId: 'summariser' }),
  handlers: {
    async prompt(run) {
      const message = run.message()
      for (const word of ['Nothing', ' to', ' add.']) {
        run.signal.throwIfAborted()
        message.append(word)
      }
      message.end()
      run.progress({ progress: 1 })
      return { status: 'succeeded', output: 'Nothing to add.' }
    },
  },
})

await agent.start()
process.once('SIGTERM', () => agent.stop())
