import { createHash, randomBytes } from 'node:crypto'
import { test } from 'tap'
import { startForCli } from '../../helpers/cli.ts'
import { sendInPipeline } from '../../helpers/send-pipe.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('[TM19] data piped into send --wait is the input of the command, up to its end', async t => {
  const server = await startForCli(t)
  await server.agent('a1')
  const through = async (input: string | Uint8Array, line = 'cat') => {
    const { child, read, ended } = sendInPipeline(t, server, line)
    read()
    child.stdin?.end(input)
    return ended
  }
  const lines = 'hi\none\r\nno line break'
  t.match(
    await through(lines),
    { code: 0, stderr: '', stdout: Buffer.from(lines) },
    'nothing is echoed, and line endings of Windows are kept',
  )
  const long = `${'x'.repeat(20_000)}\n`
  t.same(
    (await through(long, 'sleep 0.5; cat /dev/stdin | wc -c')).stdout.toString().trim(),
    '20001',
    'a line of any length',
  )
  const bytes = randomBytes(1024 * 1024)
  const { code, stdout } = await through(bytes)
  t.same([code, sha256(stdout)], [0, sha256(bytes)], 'bytes of every kind, 1 MiB')
})

test('a command that reads only part of its input does not wait for the rest', async t => {
  const server = await startForCli(t)
  await server.agent('a1')
  const { child, read, ended } = sendInPipeline(t, server, 'head -c 3; echo; test -t 0 || test -t 1 || echo pipes')
  read()
  child.stdin?.write(randomBytes(1024 * 1024).fill('abc', 0, 3))
  t.match(await ended, { code: 0, stdout: Buffer.from('abc\npipes\n') })
})
