import { AgentClient, FileJournal } from '@fleetwire/client/node'

const agent = new AgentClient({
  url: 'http://127.0.0.1:3000',
  token: process.env.FLEETWIRE_TOKEN ?? '',
  name: 'Summariser',
  maxConcurrency: 2,
  journal: await FileJournal.open({ folder: './data', agentId: 'summariser' }),
  handlers: {
    async prompt(run) {
      const message = { sessionId: run.sessionId ?? run.commandId, messageId: run.commandId }
      run.report('message:start', { ...message, role: 'assistant' })
      for (const word of ['Nothing', ' to', ' add.']) {
        run.signal.throwIfAborted()
        run.report('message:delta', { ...message, delta: word })
      }
      run.report('message:end', message)
      run.progress({ progress: 1 })
      return { status: 'succeeded', output: 'Nothing to add.' }
    },
  },
})

await agent.start()
process.once('SIGTERM', () => agent.stop())
