// In browsers: '@fleetwire/client'.
import { DashboardClient, MessageBuffer } from '@fleetwire/client/node'

const client = new DashboardClient({
  url: 'http://127.0.0.1:3000',
  // Or a function that fetches a token; it is called again when a token is refused.
  token: process.env.FLEETWIRE_TOKEN ?? '',
})
const messages = new MessageBuffer()

client.status.subscribe(status => console.log(status.state))
client.subscribe('agents.summariser.>', {
  snapshot({ records }) {
    messages.clear()
    for (const record of records) messages.apply(record)
  },
  event(event) {
    if (event.type === 'command:succeeded') console.log(event.payload.commandId, event.payload.output)
    else messages.apply(event)
  },
})
client.connect()

const submitted = await client.submit({ agentId: 'summariser', kind: 'prompt', input: 'Anything new?' })
if (submitted.ok) await client.interrupt(submitted.command.commandId)
else console.log(submitted.error.code, submitted.error.retryable)

const terminal = client.openTerminal({
  agentId: 'summariser',
  onSnapshot: ({ screen }) => console.log(screen),
  onOutput: bytes => console.log(new TextDecoder().decode(bytes)),
})
await terminal.input('ls\r')
