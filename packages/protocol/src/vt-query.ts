/** A control sequence (CSI). The prefix and the intermediate are bytes, or 0 if absent. */
export interface ControlSequence {
  prefix: number
  intermediate: number
  /** The first parameter, or 0. */
  first: number
  final: number
}

const REPORTS = new Set([11, 13, 14, 15, 16, 18, 19, 20, 21])

/**
 * The first parameters for which a terminal responds, by prefix, intermediate and final byte. See XTerm Control
 * Sequences (ctlseqs).
 */
const QUERIES: [name: string, asks: (first: number) => boolean][] = [
  // Identity: DA1, DA2, DA3, XTVERSION, DECREQTPARM.
  ['c', first => first === 0],
  ['>c', first => first === 0],
  ['=c', first => first === 0],
  ['>q', first => first === 0],
  ['x', first => first <= 1],
  // Status and cursor position: DSR, CPR and their private variants.
  ['n', first => first === 5 || first === 6],
  ['?n', () => true],
  // Modes: DECRQM, kitty keyboard, XTQMODKEYS.
  ['$p', () => true],
  ['?$p', () => true],
  ['?u', () => true],
  ['?m', () => true],
  // Size and content: XTWINOPS, XTSMGRAPHICS, DECRQPSR, DECRQTSR, DECRQCRA.
  ['t', first => REPORTS.has(first)],
  ['?S', () => true],
  ['$w', () => true],
  ['$u', () => true],
  ['*y', () => true],
]

const byBytes = new Map(QUERIES.map(([name, asks]) => [keyOf(...bytesOf(name)), asks]))

/** Whether a terminal responds to this sequence. */
export function isQuery({ prefix, intermediate, first, final }: ControlSequence): boolean {
  return byBytes.get(keyOf(prefix, intermediate, final))?.(first) ?? false
}

function keyOf(prefix: number, intermediate: number, final: number): number {
  return (prefix << 16) | (intermediate << 8) | final
}

function bytesOf(name: string): [prefix: number, intermediate: number, final: number] {
  const bytes = [...name].map(character => character.charCodeAt(0))
  const between = (low: number, high: number) => bytes.slice(0, -1).find(byte => byte >= low && byte <= high) ?? 0
  return [between(0x3c, 0x3f), between(0x20, 0x2f), bytes.at(-1)!]
}
