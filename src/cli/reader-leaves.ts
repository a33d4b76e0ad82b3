import { exitCodes } from './cli-error.ts'

type Leave = () => Promise<number>

let leave: Leave = async () => 0

/**
 * Sets what to do when the reader of the output has gone (`fleetwire … | head`). `act` returns the exit code. Default:
 * exit with 0 at once.
 */
export function whenReaderLeaves(act: Leave): void {
  leave = act
}

/** A closed pipe is not reported as an error. */
export function watchStdout(): void {
  let isLeaving = false
  process.stdout.on('error', error => {
    if (isLeaving) return
    isLeaving = true
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') process.exit(exitCodes.failed)
    void leave().then(code => process.exit(code))
  })
}
