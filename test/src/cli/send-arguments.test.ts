import { test } from 'tap'
import { sendCommand } from '../../../src/cli/send.ts'
import { sendArguments } from '../../../src/cli/send-arguments.ts'

test('the words after the agent belong to the command, even with dashes', async t => {
  const rows: [typed: string, taken: string][] = [
    ['local --wait ls -la', 'local --wait -- ls -la'],
    ['--wait local ls -la', '--wait local -- ls -la'],
    ['local ls -la', 'local -- ls -la'],
    ['local git log --help', 'local -- git log --help'],
    ['local - x', 'local -- - x'],
    ['local --timeout 1s sleep 5 --wait', 'local --timeout 1s -- sleep 5 --wait'],
    ['local --timeout=1s npm ls --json', 'local --timeout=1s -- npm ls --json'],
    // Options at the very end count if none comes before the words.
    ['local ls --wait', 'local --wait -- ls'],
    ['local ls -la --wait', 'local --wait -- ls -la'],
    ['local echo a --priority 3 --timeout 90s', 'local --priority 3 --timeout 90s -- echo a'],
    // With `--`, everything after it is the command.
    ['local -- --version', 'local -- --version'],
    ['local -- ls --wait', 'local -- ls --wait'],
    ['local --wait -- ls -- x', 'local --wait -- ls -- x'],
    // Left for the parser to refuse.
    ['local', 'local'],
    ['local --nope ls', 'local --nope ls'],
  ]
  for (const [typed, taken] of rows)
    t.equal(sendArguments(typed.split(' '), sendCommand.options).join(' '), taken, typed)
})
