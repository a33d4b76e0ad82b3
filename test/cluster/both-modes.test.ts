import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { NatsCluster } from '../helpers/nats-cluster.ts'
import { size } from '../helpers/sizes.ts'

/*
 * Runs tests of an embedded server again, with a server that is a standby node of a cluster. One by itself:
 * BOTH_MODES=commands node dist/test/cluster/both-modes.test.js
 */
const QUICK = ['e2e/agent-client']
const FULL = [
  'routes/ws/records',
  'routes/batches',
  'routes/commands',
  'routes/interactions',
  'routes/sessions',
  'routes/tasks',
  'routes/ag-ui/http-agent',
  'routes/ws/commands',
  'routes/ws/summaries',
  'e2e/agent-killed',
  'e2e/agent-stream',
  'e2e/dashboard-client',
  'e2e/shell-terminal',
  'src/cli/send-wait',
  'src/cli/tail',
]
const ONLY = process.env.BOTH_MODES
const FILES = size('BOTH_MODES_ALL', { quick: 0, full: 1 }) > 0 ? [...QUICK, ...FULL] : QUICK
const RUN_TESTS = fileURLToPath(new URL('../../scripts/run-tests.js', import.meta.url))
/** A few files cost less in one process than in parallel. */
const TEST_JOBS = FILES === QUICK ? '1' : '2'

t.setTimeout(600_000)

t.test('the tests of an embedded server pass on a standby node', async t => {
  const cluster = await NatsCluster.shared(t)
  if (cluster === undefined) return
  const files = ONLY === undefined ? FILES : [...QUICK, ...FULL].filter(file => file.includes(ONLY))
  const child = spawn(process.execPath, [RUN_TESTS, ...files.map(file => `dist/test/${file}.test.js`)], {
    env: { TAP_TIMEOUT: '600', ...process.env, TEST_JOBS, TEST_CLUSTER: cluster.addresses.join(',') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (printed += chunk))
  const [code] = await once(child, 'close')
  t.equal(code, 0)
  for (const file of files) t.ok(printed.includes(` - dist/test/${file}.test.js`), `${file} was run`)
  if (code !== 0) t.comment(printed)
})
