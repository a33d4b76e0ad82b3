/** Screens as the programs draw them, recorded by hand: idle, at work, and with a question. */
export interface Drawn {
  program: string
  shows: 'working' | 'idle' | 'waiting' | undefined
  detail?: string
  what: string
  screen: string
}

const line = '─'.repeat(60)

/** `▯` marks the cursor. */
export const screens: Drawn[] = [
  {
    program: 'claude-code',
    what: 'the input box of version 1',
    shows: 'idle',
    screen: `✻ Welcome to Claude Code!\n\n╭${line}╮\n│ > ▯                        │\n╰${line}╯\n  ? for shortcuts`,
  },
  {
    program: 'claude-code',
    what: 'the input between two rules, with a draft in it',
    shows: 'idle',
    screen: `> fix the bug\n\n⏺ Done. The tests pass.\n\n✻ Crunched for 41s\n\n${line}\n❯ and now▯\n${line}\n  ⏵⏵ accept edits on (shift+tab to cycle)`,
  },
  {
    program: 'claude-code',
    what: 'a running turn, above an unchanged input box',
    shows: 'working',
    screen: `> fix the bug\n\n⏺ Bash(npm test)\n  ⎿  Running…\n\n✽ Percolating… (12s · ↓ 1.2k tokens · esc to interrupt)\n\n${line}\n❯ ▯\n${line}`,
  },
  {
    program: 'claude-code',
    what: 'a turn whose hint did not fit',
    shows: 'working',
    screen: `⏺ Reading 3 files\n\n✶ Herding… (4s)\n\n${line}\n❯ ▯\n${line}`,
  },
  {
    program: 'claude-code',
    what: 'a permission',
    shows: 'waiting',
    detail: 'Do you want to proceed?',
    screen: `⏺ Bash(rm -rf build)\n\n╭${line}╮\n│ Bash command                │\n│   rm -rf build              │\n│                             │\n│ Do you want to proceed?     │\n│ ❯ 1. Yes                    │\n│   2. Yes, and don't ask again for rm commands in /src │\n│   3. No, and tell Claude what to do differently (esc) │\n╰${line}╯`,
  },
  {
    program: 'claude-code',
    what: 'a permission for an edit, without a frame',
    shows: 'waiting',
    detail: 'Do you want to make this edit to app.ts?',
    screen: `${line}\n Edit file\n app.ts\n 1 - a\n 1 + b\n${line}\n Do you want to make this edit to app.ts?\n ❯ 1. Yes\n   2. Yes, allow all edits during this session (shift+tab)\n   3. No\n\n Esc to cancel · Tab to amend`,
  },
  {
    program: 'claude-code',
    what: 'a question with choices',
    shows: 'waiting',
    detail: 'Which framework should it use?',
    screen: `${line}\n ☐ Framework\n\nWhich framework should it use?\n\n❯ 1. React\n     Component based\n  2. Vue\n  3. Type something.\n\nEnter to select · ↑/↓ to navigate · Esc to cancel`,
  },
  {
    program: 'claude-code',
    what: 'a folder that it does not trust',
    shows: 'waiting',
    detail: 'Do you trust the files in this folder?',
    screen: ` Do you trust the files in this folder?\n\n /src/app\n\n ❯ 1. Yes, proceed\n   2. No, exit\n\n Enter to confirm · Esc to exit`,
  },
  {
    program: 'codex',
    what: 'the composer',
    shows: 'idle',
    screen: '• Done.\n\n\n› ▯Ask Codex to do anything\n\n  ? for shortcuts                    100% context left',
  },
  {
    program: 'codex',
    what: 'a turn',
    shows: 'working',
    screen: '› fix it\n\n• Working (3s • esc to interrupt)\n\n\n› ▯Ask Codex to do anything\n\n  98% context left',
  },
  {
    program: 'codex',
    what: 'an approval',
    shows: 'waiting',
    detail: 'Would you like to run the following command?',
    screen:
      "  Would you like to run the following command?\n\n  Reason: needs the network\n\n  $ npm install\n\n› 1. Yes, proceed (y)\n  2. Yes, and don't ask again for commands that start with `npm install` (p)\n  3. No, and tell Codex what to do differently (esc)\n\n  Press enter to confirm or esc to cancel",
  },
  {
    program: 'gemini',
    what: 'the input',
    shows: 'idle',
    screen: `✦ Hello.\n\n╭${line}╮\n│ >   Type your message or @path/to/file   │\n╰${line}╯\n~/src (main*)   no sandbox   gemini-2.5-pro`,
  },
  {
    program: 'gemini',
    what: 'a turn',
    shows: 'working',
    screen: `⠹ Polishing the code (esc to cancel, 12s)\n\n╭${line}╮\n│ >   Type your message or @path/to/file   │\n╰${line}╯`,
  },
  {
    program: 'gemini',
    what: 'an approval',
    shows: 'waiting',
    detail: "Allow execution of: 'npm'?",
    screen: `╭${line}╮\n│ ?  Shell npm test                        │\n│ npm test                                 │\n│ Allow execution of: 'npm'?               │\n│                                          │\n│ ● 1. Allow once                          │\n│   2. Allow for this session              │\n│   3. No, suggest changes (esc)           │\n╰${line}╯`,
  },
  {
    program: 'opencode',
    what: 'the first screen',
    shows: 'idle',
    screen:
      '  █▀▀█ opencode\n\n ┃  Ask anything... "Fix a TODO in the codebase"\n ┃\n ┃  Build  Big Pickle\n\n  tab agents  ctrl+p commands',
  },
  {
    program: 'opencode',
    what: 'a turn',
    shows: 'working',
    screen: ' ┃  explain\n\n ┃\n ┃  Build\n ■■■⬝⬝⬝  esc interrupt        tab agents  ctrl+p commands',
  },
  {
    program: 'opencode',
    what: 'a permission',
    shows: 'waiting',
    detail: 'Permission required',
    screen:
      ' ┃  △ Permission required\n ┃    # Run tests\n ┃  $ npm test\n ┃\n ┃   Allow once   Allow always   Reject     ⇆ select  enter confirm',
  },
  {
    program: 'aider',
    what: 'its prompt',
    shows: 'idle',
    screen: 'Aider v0.86.0\nRepo-map: using 4096 tokens\n────\napp.py\n> ▯',
  },
  { program: 'aider', what: 'its prompt in another mode', shows: 'idle', screen: 'app.py\narchitect> ▯' },
  {
    program: 'aider',
    what: 'an answer that quotes',
    shows: undefined,
    screen: '> explain\n\nThe list says:\n> not a prompt\n▯',
  },
  {
    program: 'aider',
    what: 'a model that thinks',
    shows: 'working',
    screen: '> explain\n\n░█        Waiting for gpt-5▯',
  },
  {
    program: 'aider',
    what: 'a question',
    shows: 'waiting',
    detail: "Add README.md to the chat? (Y)es/(N)o/(A)ll/(S)kip all/(D)on't ask again [Yes]:",
    screen: "README.md\nAdd README.md to the chat? (Y)es/(N)o/(A)ll/(S)kip all/(D)on't ask again [Yes]: ▯",
  },
  { program: 'bash', what: 'a prompt', shows: 'idle', screen: 'ann@host:~/src$ ls\na b\nann@host:~/src$ ▯' },
  { program: 'bash', what: 'the prompt of root', shows: 'idle', screen: 'root@host:/# ▯' },
  { program: 'bash', what: 'a prompt of zsh', shows: 'idle', screen: 'host% ▯' },
  { program: 'bash', what: 'a prompt of fish', shows: 'idle', screen: 'ann@host ~/src (main)> ▯' },
  { program: 'bash', what: 'a theme', shows: 'idle', screen: '~/src main\n❯ ▯' },
  { program: 'bash', what: 'a command that runs', shows: undefined, screen: 'ann@host:~$ sleep 100\n▯' },
  { program: 'bash', what: 'a percentage', shows: undefined, screen: 'ann@host:~$ fetch\n 12 of 40 MB, 30% ▯' },
  {
    program: 'bash',
    what: 'a password',
    shows: 'waiting',
    detail: '[sudo] password for ann:',
    screen: 'ann@host:~$ sudo ls\n[sudo] password for ann: ▯',
  },
  {
    program: 'bash',
    what: 'a question',
    shows: 'waiting',
    detail: 'Do you want to continue? [Y/n]',
    screen: 'After this operation, 2 MB will be used.\nDo you want to continue? [Y/n] ▯',
  },
  { program: 'python', what: 'a prompt', shows: 'idle', screen: 'Python 3.11.7 on linux\n>>> ▯' },
  { program: 'python', what: 'a block that is open', shows: 'idle', screen: '>>> for i in range(3):\n... ▯' },
  { program: 'python', what: 'a statement that runs', shows: undefined, screen: '>>> time.sleep(5)\n▯' },
  { program: 'python', what: 'getpass', shows: 'waiting', detail: 'Password:', screen: '>>> getpass()\nPassword: ▯' },
  { program: 'any', what: 'a question', shows: 'waiting', detail: 'Overwrite? (y/n)', screen: 'Overwrite? (y/n) ▯' },
  { program: 'any', what: 'output', shows: undefined, screen: 'a\nb\n▯' },
]

export function viewOf(screen: string): { lines: string[]; cursor?: { row: number; col: number } } {
  const lines = screen.split('\n')
  const row = lines.findIndex(line => line.includes('▯'))
  if (row < 0) return { lines }
  const col = lines[row]!.indexOf('▯')
  return { lines: lines.map(line => line.replace('▯', '')), cursor: { row, col } }
}
