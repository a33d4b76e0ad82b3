import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { commandEnv } from '../../../src/exec/command-env.ts'
import { start } from '../../helpers/shell-command.ts'

const PATH = process.env.PATH

t.test('of Fleetwire’s variables, commands see only the server’s address and their own id', async t => {
  const secrets = [
    'TOKEN',
    'TOKEN_FILE',
    'TOKEN_COMMAND',
    'JWT_SECRET',
    'JWT_PUBLIC_KEY',
    'NATS_CREDS',
    'NATS_URL',
    'DATA_DIR',
    'A_SECRET_OF_TOMORROW',
  ]
  const env = Object.fromEntries(secrets.map(name => [`FLEETWIRE_${name}`, 'secret']))
  const all = { PATH, HOME: '/h', FLEETWIRE_URL: 'http://f', fleetwire_token: 'secret', NOTIFY_SOCKET: '/n', ...env }
  const { output } = await start('env | sort', { env: all }).outcome
  t.match(String(output).match(/^fleetwire.*$/gim), [/^FLEETWIRE_COMMAND_ID=cmd_/, 'FLEETWIRE_URL=http://f'])
  t.notMatch(output, /secret|NOTIFY_SOCKET/)
  t.match(output, /^HOME=\/h$/m, 'everything else is there')
})

t.test('pagers print and editors fail, unless the agent’s environment overrides them', async t => {
  const plain = commandEnv({ PATH })
  t.match(plain, { PAGER: 'cat', GIT_PAGER: 'cat', MANPAGER: 'cat', GIT_TERMINAL_PROMPT: '0', EDITOR: /no-editor/ })
  t.match(commandEnv({ PAGER: 'less', GIT_TERMINAL_PROMPT: '1', GH_PAGER: '' }), {
    PAGER: 'less',
    GIT_TERMINAL_PROMPT: '1',
    GH_PAGER: '',
    GIT_PAGER: 'cat',
  })
  for (const name of ['EDITOR', 'VISUAL', 'GIT_EDITOR']) {
    const { EDITOR, VISUAL, GIT_EDITOR } = commandEnv({ [name]: 'ed' })
    t.same([EDITOR, VISUAL, GIT_EDITOR].filter(Boolean), ['ed'], `${name} is kept`)
  }
})

t.test('git log, commit and push do not wait for a person', async t => {
  const cwd = mkdtempSync(join(tmpdir(), 'fleetwire-git-'))
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd })
  git('init', '-q')
  // More lines than fit on a screen.
  for (let i = 0; i < 8; i++) git('commit', '-q', '--allow-empty', '-m', `commit number ${i}`)
  git('config', 'core.pager', 'less')
  git('config', 'core.editor', 'vi')
  const env = { PATH, HOME: cwd }
  const log = start('git log', { env, cwd })
  t.match(await log.outcome, { status: 'succeeded', output: /commit number 0\n/ })
  const commit = await start('git -c user.name=a -c user.email=a@b commit --allow-empty', { env, cwd }).outcome
  t.match(commit, { status: 'failed', output: /there is no editor here/ })
  const rebase = await start('git -c user.name=a -c user.email=a@b rebase -i HEAD~3', { env, cwd }).outcome
  t.match(rebase, { status: 'failed', output: /there is no editor here/ })
})
