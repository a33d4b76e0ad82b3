import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { DashboardClient } from '@fleetwire/client/node'
import type { Command } from '@fleetwire/protocol'
import { test } from 'tap'
import { startForCli } from '../../helpers/cli.ts'
import { sendInPipeline } from '../../helpers/send-pipe.ts'
import { size } from '../../helpers/sizes.ts'

/** Far more than all buffers on the way can hold. */
const LINES = size('PIPED_LINES', { quick: 600_000, full: 2_000_000 })

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('[TM21] [CS31] [TM20] a pipe gets the original bytes, complete and in order, at the pace of its reader', async t => {
  const server = await startForCli(t)
  await server.agent('a1')
  const odd = sendInPipeline(t, server, String.raw`printf '\351\n\r\n\r\r\n\377\0\r'; echo error >&2; exit 3`)
  odd.read()
  t.match(await odd.ended, { code: 3, stdout: Buffer.from('\xe9\n\r\n\r\r\n\xff\0\rerror\n', 'latin1') })
  const lines = Buffer.from(Array.from({ length: LINES }, (_, i) => `${i + 1}\n`).join(''))
  const large = sendInPipeline(t, server, `seq ${LINES}`)
  const running = await server.inStatus('a1', 'running')
  // The output fills the pipe and nobody reads it: the command cannot end before somebody does.
  await once(large.child.stdout!, 'readable')
  for (let i = 0; i < 50; i++) {
    const { body } = await server.call<Command>(server.admin, 'GET', `/api/v1/commands/${running.commandId}`)
    if (body.status !== 'running') t.fail(`${body.status} before anybody read`)
  }
  large.read()
  const { code, stdout, stderr } = await large.ended
  t.same([code, stderr, stdout.length, sha256(stdout)], [0, '', lines.length, sha256(lines)])
  const { body: ended } = await server.call<Command>(server.admin, 'GET', `/api/v1/commands/${running.commandId}`)
  t.match(ended, {
    stdio: 'pipe',
    outputBytes: lines.length,
    outputTruncated: true,
    output: new RegExp(`\\n${LINES}\\n$`),
  })
})

test('incomplete output ends with 6, says what is missing, and draws no screen', async t => {
  const server = await startForCli(t)
  const agent = await server.agent('a1', {
    flood: async ({ commandId }) => {
      const terminal = agent.openTerminal({ terminalId: commandId, cols: 80, rows: 24, ringBytes: 64 * 1024 })
      for (let i = 0; i < 100; i++) terminal.write(Buffer.alloc(64 * 1024, `${i % 10}`))
      terminal.exit({ exitCode: 0 })
      return { status: 'succeeded', exitCode: 0 }
    },
  })
  const { read, ended } = sendInPipeline(t, server, 'x', ['--kind', 'flood'])
  read()
  const { code, stdout, stderr } = await ended
  t.equal(code, 6)
  t.match(stderr, /the output is incomplete: \d+ bytes of the output were discarded/)
  t.notOk(stdout.includes(0x1b))
})

test('when the reader of the output goes away, the command is interrupted', async t => {
  const server = await startForCli(t)
  await server.agent('a1')
  const { child, ended } = sendInPipeline(t, server, 'yes')
  const cancelled = server.inStatus('a1', 'cancelled')
  child.stdout?.once('data', () => child.stdout?.destroy())
  t.match(await ended, { code: 141, stderr: '' })
  t.match(await cancelled, { reason: 'interrupted' })
})

test('[TM20] a token that may not type may not slow down a command', async t => {
  const server = await startForCli(t)
  await server.agent('a1')
  const { FLEETWIRE_TOKEN: token = '' } = await server.as('viewer')
  const viewer = new DashboardClient({ url: server.url, token })
  t.teardown(() => viewer.close())
  const refused = new Promise(resolve => {
    viewer.openTerminal({ agentId: 'a1', terminalId: 'x', mode: 'whole', onError: resolve })
  })
  viewer.connect()
  t.match(await refused, { code: 'forbidden', message: /terminal:write/ })
})
