import * as modern from '@ag-ui/client'
import * as old from 'ag-ui-client-0'
import t from 'tap'
import { exampleAgent, realFolder, startAcp } from '../../helpers/acp.ts'
import { startForCli } from '../../helpers/cli.ts'

const libraries = [
  ['1.0', modern],
  ['0.0.59', old as unknown as typeof modern],
] as const

const said = ({ messages }: modern.HttpAgent) =>
  messages.filter(({ role }) => role === 'assistant').map(({ content }) => content)

// In parallel: each mostly waits for its program.
t.jobs = 3
t.teardown(() => {
  t.jobs = 1
})
const server = await startForCli(t)

t.test('[UI2] HttpAgent drives fleetwire agent exec', async t => {
  const { startHere, as, url, token } = server
  const args = ['agent', 'exec', '--id', 'e1', '--journal', await realFolder(t), '--shell', '/bin/sh']
  await startHere(args, await as('agent', 'e1')).printed(/is connected/)
  const headers = { authorization: `Bearer ${await token('operator')}` }
  const http = new modern.HttpAgent({
    ...{ url: `${url}/ag-ui/agents/e1`, threadId: 't', headers },
    initialMessages: [{ id: 'u', role: 'user', content: 'echo "hello $((20 + 22))"' }],
  })
  await http.runAgent()
  t.match(said(http), [/hello 42/])
  const codes: unknown[] = []
  http.addMessage({ id: 'u2', role: 'user', content: 'echo oh; exit 3' })
  await http.runAgent({}, { onRunErrorEvent: ({ event }) => void codes.push(event.message) })
  t.match(codes, [/exit code 3/])
  t.match(http.messages.at(-1), { role: 'assistant', content: /oh/ }, 'what it printed is told all the same')
})

t.test('[UI2] HttpAgent drives fleetwire agent wrap', async t => {
  const { startHere, as, url, token } = server
  const script = 'while printf "? "; read -r line; do sleep 0.3; printf "you said %s\\n" "$line"; done'
  const headers = { authorization: `Bearer ${await token('operator')}` }
  const drive = async ([name, library]: (typeof libraries)[number], id: string) => {
    const args = ['agent', 'wrap', '--id', id, '--journal', await realFolder(t), '--', 'sh', '-c', script]
    await startHere(args, await as('agent', id)).printed(/is connected/)
    const http = new library.HttpAgent({
      ...{ url: `${url}/ag-ui/agents/${id}`, threadId: `thread ${name}`, headers },
      initialMessages: [{ id: 'u1', role: 'user', content: 'hello' }],
    })
    await http.runAgent()
    t.match(said(http), [/you said hello/], name)
    http.addMessage({ id: 'u2', role: 'user', content: 'again' })
    await http.runAgent()
    t.match(said(http), [/you said hello/, /you said again/], name)
  }
  await Promise.all(libraries.map((library, i) => drive(library, `w${i}`)))
})

t.test('[UI2] HttpAgent drives fleetwire agent acp, answers its questions and sees its tools', async t => {
  const { agent, url, token } = await startAcp(t)
  await agent([process.execPath, exampleAgent])
  const http = new modern.HttpAgent({
    ...{
      url: `${url}/ag-ui/agents/a1`,
      threadId: 't',
      headers: { authorization: `Bearer ${await token('operator')}` },
    },
    initialMessages: [{ id: 'u1', role: 'user', content: 'Change the configuration' }],
  })
  await http.runAgent()
  t.match(http.pendingInterrupts, [{ reason: /.+/ }], 'the run ends with what it asks')
  const [{ id } = { id: '' }] = http.pendingInterrupts
  await http.runAgent({ resume: [{ interruptId: id, status: 'resolved', payload: { optionId: 'allow' } }] })
  t.match(said(http).join('\n'), /I'll help you[\s\S]*Perfect!/)
  const tools = http.messages.filter(({ role }) => role === 'tool')
  t.equal(tools.length, 2)
})
