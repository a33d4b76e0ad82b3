import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Pty } from '../../../src/exec/pty.ts'
import { startForCli } from '../../helpers/cli.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))

test('attach types into the terminal of a command, leaves with Ctrl-], and restores the local terminal', async t => {
  const { run, url, admin, as, agent, inStatus } = await startForCli(t)
  await agent('a1')
  t.match(await run(['attach', 'a1']), { code: 2, stderr: /attach needs a terminal/ })
  const running = inStatus('a1', 'running')
  await run(['send', 'a1', 'echo ready; read line; echo "got <$line>"; read line'])
  const { commandId } = await running

  /** `attach` in a shell on its own terminal, so that the terminal can be inspected afterwards. */
  const attach = (token: string) => {
    let text = ''
    const looks = new Set<() => void>()
    const line = `"$NODE" "${main}" attach a1 ${commandId}; echo "code $?"; stty -a | grep -o ' icanon'; echo looked`
    const env = { PATH: process.env.PATH ?? '', NODE: process.execPath, FLEETWIRE_URL: url, FLEETWIRE_TOKEN: token }
    const pty = new Pty({
      file: '/bin/sh',
      args: ['-c', line],
      env,
      cwd: process.cwd(),
      cols: 90,
      rows: 30,
      onData: bytes => {
        text += Buffer.from(bytes).toString()
        for (const look of looks) look()
      },
    })
    t.teardown(() => pty.close())
    const shows = (pattern: RegExp) =>
      new Promise<void>(resolve => {
        const look = () => pattern.test(text) && resolve()
        looks.add(look)
        look()
      })
    return { pty, shows }
  }

  const { FLEETWIRE_TOKEN: viewer = '' } = await as('viewer')
  const watching = attach(viewer)
  await watching.shows(/ready/)
  watching.pty.write('x')
  await watching.shows(/read only/)
  watching.pty.write('\u001d')
  await watching.shows(/code 0\s+icanon\s+looked/)

  const typing = attach(admin)
  await typing.shows(/ready/)
  typing.pty.write('hello\r')
  await typing.shows(/got <hello>/)
  typing.pty.write('\u001d')
  await typing.shows(/detached; the program continues\s+code 0\s+icanon\s+looked/)

  if (process.platform === 'linux') {
    const killed = attach(admin)
    await killed.shows(/got <hello>/)
    const { pid } = killed.pty
    process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()), 'SIGTERM')
    await killed.shows(/code 143\s+icanon\s+looked/)
  }

  const ending = attach(admin)
  await ending.shows(/got <hello>/)
  ending.pty.write('\r')
  await ending.shows(/the terminal has ended\s+code 0\s+icanon\s+looked/)
})
