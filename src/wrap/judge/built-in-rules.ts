import type { Pattern, ProgramRules } from './program-rules.ts'

/** Questions of line-oriented programs. The cursor is right behind them. */
const lineQuestions: Pattern[] = [
  { cursorLine: '[Pp]ass(?:word|phrase|code)\\b[^:]{0,80}: *$' },
  { cursorLine: '[(\\[][Yy](?:es)?/[Nn]o?(?:/[^)\\]]{1,40})?[)\\]][^)\\]]{0,40}$' },
  { cursorLine: '\\(Y\\)es/\\(N\\)o[^:]{0,80}: *$' },
  { cursorLine: '\\b[Pp]ress (?:any key|[Ee]nter|ENTER|[Rr]eturn|RETURN)\\b.{0,60}$' },
]

/**
 * Rules for known programs. The first entry that matches a command line applies. Users' entries come before these, and
 * an entry with the same name overrides the fields that it sets. The texts are from the programs' screens and change
 * with their versions, so nothing may depend on a match (see screen-judge.ts).
 */
export const builtInRules: readonly ProgramRules[] = [
  {
    name: 'claude-code',
    commands: ['claude'],
    packages: ['@anthropic-ai/claude-code'],
    waiting: [
      '(?<question>Do you (?:want|trust) [^\\n]*\\?)[^]*❯ ?\\d+\\. ',
      '(?<question>[^\\n]*\\?)[ │]*\\n(?:[^\\n]*\\n){0,4}[│ ]*❯ ?\\d+\\. ',
      '^[│ ]*❯ ?\\d+\\. [^]*(?:Enter to (?:select|confirm|submit)|Esc to (?:cancel|exit|reject))',
    ],
    working: ['\\besc to interrupt\\b', '^ ?[·✢✳✶✻✽*] \\S[^\\n]*… ?(?:\\(|$)'],
    idle: ['^[│ ]*[>❯](?:\\s|$)'],
    rows: 30,
    interrupt: ['escape'],
    submit: { afterMs: 200 },
  },
  {
    name: 'codex',
    commands: ['codex'],
    packages: ['@openai/codex'],
    waiting: [
      '(?<question>(?:Would you like|Do you want|Do you trust|Allow|Approve) [^\\n]*\\?)[^]*› ?\\d+\\. ',
      '^ *› ?\\d+\\. [^]*[Pp]ress enter to (?:confirm|continue|submit)',
    ],
    working: ['\\besc to interrupt\\b'],
    idle: ['^[›▌](?:\\s|$)'],
    rows: 30,
    interrupt: ['escape'],
    submit: { afterMs: 250 },
  },
  {
    name: 'gemini',
    commands: ['gemini'],
    packages: ['@google/gemini-cli'],
    waiting: [
      '(?<question>(?:Apply this change|Allow execution|Do you want|Do you trust|Allow|Shell command)[^\\n]*?)[ │]*\\n[^]*[●❯] ?\\d+\\. ',
      '^[│ ]*[●❯] ?1\\. (?:Yes|Allow)\\b',
    ],
    working: ['\\(esc to cancel\\b'],
    idle: ['^[│ ]*[>*!] +Type your ', '^[│ ]*>(?:\\s|$)'],
    rows: 30,
    interrupt: ['escape'],
    submit: { afterMs: 200 },
  },
  {
    name: 'opencode',
    commands: ['opencode'],
    packages: ['opencode-ai'],
    waiting: ['(?<question>Permission required[^\\n]*)', '\\benter (?:submit|confirm)\\b[^]*\\besc dismiss\\b'],
    working: ['\\besc (?:to |again to )?interrupt\\b'],
    idle: ['\\bAsk anything\\b', '\\bctrl\\+p commands\\b', '\\benter send\\b'],
    rows: 40,
    interrupt: ['escape', 'escape'],
    submit: { afterMs: 200 },
  },
  {
    name: 'aider',
    commands: ['aider'],
    packages: ['aider-chat', 'aider', 'aider.main'],
    waiting: lineQuestions,
    working: [{ cursorLine: '^[░█▒▓ ]*(?:Waiting for|Updating repo map|Generating)\\b' }],
    idle: [{ cursorLine: '^(?:[a-z]+(?: multi)?)?> ' }],
    otherwise: 'working',
    interrupt: ['ctrl-c'],
  },
  {
    name: 'bash',
    commands: ['bash', 'sh', 'zsh', 'dash', 'ksh', 'fish'],
    interactive: true,
    waiting: lineQuestions,
    idle: [{ cursorLine: '[$#❯➜»] ?$' }, { cursorLine: '^\\S*(?: \\S+){0,3} ?(?<!\\d)[%>] ?$' }],
    otherwise: 'working',
    interrupt: ['ctrl-c'],
  },
  {
    name: 'python',
    commands: ['python', 'python2*', 'python3*', 'pypy*', 'ipython', 'ipython3'],
    packages: ['IPython', 'ipython', 'bpython'],
    interactive: true,
    waiting: lineQuestions,
    idle: [{ cursorLine: '^(?:>>>|\\.\\.\\.|In \\[\\d+\\]:|   \\.\\.\\.:) ' }],
    otherwise: 'working',
    interrupt: ['ctrl-c'],
  },
  {
    name: 'any',
    commands: ['*'],
    waiting: lineQuestions,
    interrupt: ['ctrl-c'],
  },
]
