import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Pty } from '../../../src/exec/pty.ts'
import { emptyFolder } from '../../helpers/cli.ts'

test('[AU29] the first admin token is shown on a terminal, but not written to a file', async t => {
  const folder = await emptyFolder(t)
  const told = await onTerminal(folder, /export FLEETWIRE_TOKEN=(eyJ[\w-]+\.[\w-]+\.[\w-]+)/)
  t.match(told, /^eyJ/)
  await t.rejects(stat(`${folder}/data/admin-token`), { code: 'ENOENT' })
})

/** Runs `serve` on a pseudoterminal until it has printed the pattern. */
async function onTerminal(cwd: string, pattern: RegExp): Promise<string> {
  let text = ''
  let found = (_: string) => {}
  const printed = new Promise<string>(resolve => {
    found = resolve
  })
  const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
  const pty = new Pty({
    ...{ file: process.execPath, args: [main, 'serve', '--port', '0'], cwd, cols: 500, rows: 50 },
    env: { PATH: process.env.PATH ?? '', HOME: cwd },
    onData: bytes => {
      text += Buffer.from(bytes).toString()
      const match = pattern.exec(text)
      if (match !== null) found(match[1]!)
    },
  })
  const token = await Promise.race([printed, pty.exited.then(() => text)])
  process.kill(pty.pid, 'SIGTERM')
  await pty.exited
  pty.close()
  return token
}
