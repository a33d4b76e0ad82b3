import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { startForCli } from '../helpers/cli.ts'
import { program } from '../helpers/processes.ts'
import { root } from '../house/repository.ts'

const example = fileURLToPath(new URL('examples/copilotkit/requests.mjs', root))

test('examples/copilotkit/requests.mjs: info, run, connect and stop work the way the CopilotKit page calls them', async t => {
  const { url, token, agent } = await startForCli(t)
  let runs = 0
  await agent('helper', {
    prompt: async run => {
      const message = run.message()
      message.append(`You said ${run.input}`)
      runs++
      if (runs === 1) return { status: 'succeeded' }
      return new Promise(resolve => run.signal.addEventListener('abort', () => resolve({ status: 'cancelled' })))
    },
  })
  const FLEETWIRE_TOKEN = await token('operator', { agents: ['helper'] })
  const env = { FLEETWIRE_URL: url, FLEETWIRE_TOKEN }
  const { code, stdout, stderr } = await program(t, process.execPath, [example, 'helper', 'hi'], env, t.testdir()).ended
  t.equal(code, 0, stderr)
  t.match(stdout, /^info: helper$/m)
  const [run] = stdout.match(/^run: .*$/m)!
  t.equal(
    // Other changes, such as the status of the agent, may appear anywhere in between.
    run.replaceAll(' CUSTOM', ''),
    'run: RUN_STARTED STATE_SNAPSHOT TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END RUN_FINISHED',
  )
  t.match(stdout, /^run says: You said hi$/m)
  t.match(stdout, /^connect again: RUN_STARTED .*RUN_FINISHED$/m)
  t.match(stdout, /^stop: {"stopped":true}$/m)
  t.match(stdout, /^run says: .*\(STOPPED: /m, 'as a client of 0.0.x is told that it was stopped')
  const none = await program(t, process.execPath, [example, 'other'], env, t.testdir()).ended
  t.match(none, { code: 1, stderr: /HTTP 404/ })
})
