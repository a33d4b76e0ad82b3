import t from 'tap'
import { builtInRules } from '../../../../src/wrap/judge/built-in-rules.ts'
import { programOf } from '../../../../src/wrap/judge/program-of.ts'

const cases: [command: string, name: string][] = [
  ['claude', 'claude-code'],
  ['/opt/tools/claude --continue', 'claude-code'],
  ['C:\\Tools\\Claude.EXE', 'claude-code'],
  ['claude.cmd --model x', 'claude-code'],
  ['npx @anthropic-ai/claude-code@latest', 'claude-code'],
  ['npx -y @anthropic-ai/claude-code', 'claude-code'],
  ['pnpm dlx @openai/codex', 'codex'],
  ['node /usr/lib/node_modules/@openai/codex/bin/codex.js', 'codex'],
  ['env DEBUG=1 codex exec', 'codex'],
  ['sudo -E gemini', 'gemini'],
  ['bunx @google/gemini-cli', 'gemini'],
  ['opencode', 'opencode'],
  ['aider --model gpt-5', 'aider'],
  ['python3 -m aider', 'aider'],
  ['uvx --from aider-chat aider', 'aider'],
  ['bash', 'bash'],
  ['/bin/zsh -l', 'bash'],
  ['bash --rcfile x', 'bash'],
  ['bash -i', 'bash'],
  ['bash -c ls', 'any'],
  ['bash -lc ls', 'any'],
  ['bash script.sh', 'any'],
  ['python', 'python'],
  ['python3.12 -q', 'python'],
  ['python3 -i setup.py', 'python'],
  ['ipython', 'python'],
  ['python3 -m IPython', 'python'],
  ['python3 -m http.server', 'any'],
  ['python3 app.py', 'any'],
  ['python3 -c 1', 'any'],
  ['vim', 'any'],
  ['not-claude', 'any'],
  ['claude-squad', 'any'],
  ['echo claude', 'any'],
  ['', 'any'],
  ['env', 'any'],
]

for (const [command, name] of cases) {
  t.test(`"${command}" is ${name}`, async t => {
    t.equal(programOf(command.split(' '), builtInRules)?.name, name)
  })
}

t.test('earlier rules win, except over those for any program', async t => {
  const mine = { name: 'mine', commands: ['my-*', 'claude'] }
  const any = { name: 'any', commands: ['*'] }
  const rules = [any, mine, ...builtInRules]
  t.equal(programOf(['my-agent'], rules), mine)
  t.equal(programOf(['claude'], rules), mine)
  t.equal(programOf(['vim'], rules), any)
  t.equal(programOf(['vim'], [mine]), undefined)
})
