#!/usr/bin/env node
import { readVersion } from '../version.ts'
import { watchStdout } from './reader-leaves.ts'

watchStdout()

const [, , first] = process.argv
if (first === '--version' || first === '-V') process.stdout.write(`${readVersion()}\n`)
else {
  const { runProgram } = await import('./program.ts')
  const code = await runProgram(process.argv)
  if (code !== undefined) process.exitCode = code
}
