/**
 * Whether a key belongs to an input method that is composing text. The key that ends a composition comes after it in
 * Safari, and is known by its code alone: it must not send what was composed.
 */
export const isComposing = ({ isComposing, keyCode }: Pick<KeyboardEvent, 'isComposing' | 'keyCode'>): boolean =>
  isComposing || keyCode === 229
