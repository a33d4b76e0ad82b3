import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { emptyFolder } from '../../helpers/cli.ts'
import type { Killed } from '../../helpers/killed-server.ts'
import { isInstalled } from '../../helpers/programs.ts'
import { size } from '../../helpers/sizes.ts'
import { type Pane, type Size, tmux } from '../../helpers/tmux.ts'
import { until } from '../../helpers/until.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))

interface Subject {
  name: string
  command: string[]
  /** On its screen once it is ready. */
  ready: RegExp
  /** Keys pressed between one size and the next, and while there is no server. */
  keys: string[][]
  /** Also in quick runs: one that moves its cursor freely, and one that does not know of sizes. */
  isQuick?: true
}

const ALL = size('WRAP_SCREENS', { quick: 2, full: 6 }) > 2

const subjects: Subject[] = [
  {
    name: 'vim',
    isQuick: true,
    command: ['vim', '-u', 'NONE', '-N', 'numbers.txt'],
    ready: /numbers\.txt/,
    keys: [
      ['G', 'o', 'wörld 🙂', 'Escape'],
      [':', 'split', 'Enter'],
      ['gg', 'dd', 'i', 'new', 'Escape'],
      ['u', 'C-f'],
    ],
  },
  {
    name: 'less',
    command: ['less', 'numbers.txt'],
    ready: /^1$/m,
    keys: [['Space'], ['/', '77', 'Enter'], ['G'], ['b']],
  },
  { name: 'top', command: ['top', '-d', '2'], ready: /load average/, keys: [['1'], ['M'], ['c'], ['P']] },
  {
    name: 'htop',
    command: ['htop', '-d', '30'],
    ready: /Load average/,
    keys: [['F5'], ['Down', 'Down'], ['F6', 'Escape'], ['t']],
  },
  {
    name: 'python3',
    command: ['python3', '-q'],
    ready: />>>/,
    keys: [
      ['print("x" * 200)', 'Enter'],
      ['for i in range(40): i', 'Enter', 'Enter'],
      ['"half', 'Left'],
      ['BSpace', 'wörld'],
    ],
  },
  {
    // Moves down without returning to the left, as curses programs do: a terminal that adds a CR shows something else.
    name: 'sh',
    isQuick: true,
    command: ['sh', '-c', 'stty raw -echo; printf "a\\nb\\nc\\r\\n\\033[31mred\\033[0m\\033[?25l"; exec cat'],
    ready: /red/,
    keys: [['x'], ['y', 'C-j', 'z'], ['w'], ['v']],
  },
]

const sizes: Size[] = [
  { cols: 80, rows: 24 },
  { cols: 132, rows: 43 },
  { cols: 53, rows: 17 },
]

/** Both screens at a moment when they are equal; compares again while they keep changing. */
async function same(local: Pane, remote: Pane): Promise<string> {
  return until(async () => {
    const [ours, theirs] = await Promise.all([local.coloured(), remote.coloured()])
    return ours === theirs && ours.trim() !== '' && ours
  })
}

/** Wrapped programs, each with a local viewer and a remote one, whose screens have three sizes in turn. */
export const wrapScreens: Killed = async (t, { url, token, mint, kill, restart }) => {
  if (!isInstalled(t, 'tmux')) return
  const folder = await emptyFolder(t)
  await writeFile(join(folder, 'numbers.txt'), Array.from({ length: 300 }, (_, i) => `${i + 1}\n`).join(''))
  const terminals = tmux(t)
  const env = { FLEETWIRE_URL: url, HOME: folder, LC_ALL: 'C.UTF-8' }
  const wrapped = subjects.filter(({ isQuick, name }) => (ALL || isQuick) && isInstalled(t, name))
  const shown = await Promise.all(
    wrapped.map(async ({ name, command, ready }) => {
      const wrap = [process.execPath, main, 'agent', 'wrap', '--id', name, '--journal', join(folder, 'journal'), '--']
      const own = { ...env, FLEETWIRE_TOKEN: await mint(name, 'agent') }
      const line = `cd '${folder}' && exec "$@"`
      const local = await terminals.open(['sh', '-c', line, 'sh', ...wrap, ...command], sizes[0]!, own)
      await local.shows(ready)
      const remote = await terminals.open([process.execPath, main, 'attach', name], sizes[0]!, {
        ...env,
        FLEETWIRE_TOKEN: token,
      })
      return { name, local, remote, subject: wrapped.find(one => one.name === name)! }
    }),
  )
  const everywhere = async (what: string) => {
    await Promise.all(
      shown.map(async ({ name, local, remote }) => {
        await same(local, remote)
        t.pass(`${name}: ${what}`)
      }),
    )
  }
  const press = (turn: number) => Promise.all(shown.map(({ subject, local }) => local.press(...subject.keys[turn]!)))

  await everywhere('as it began')
  for (const [turn, size] of sizes.entries()) {
    await Promise.all(shown.flatMap(({ local, remote }) => [local.resize(size), remote.resize(size)]))
    await press(turn)
    await everywhere(`${size.cols} x ${size.rows}`)
  }

  // What happens without a server is seen once it is back; the programs notice nothing.
  await kill()
  await press(3)
  await Promise.all(shown.map(({ local }) => local.resize(sizes[0]!)))
  await restart()
  await Promise.all(shown.map(({ remote }) => remote.resize(sizes[0]!)))
  await everywhere('after the server was killed and came back')
  t.equal(await readFile(join(folder, 'numbers.txt'), 'utf8').then(text => text.length), 1092, 'nothing was saved')
}
