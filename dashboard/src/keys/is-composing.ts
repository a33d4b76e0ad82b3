/**
 * Whether a key belongs to an input method that is composing text. In Safari, the key that ends a composition arrives
 * after its end, recognizable only by its code (229): it must not send the composed text.
 */
export const isComposing = ({ isComposing, keyCode }: Pick<KeyboardEvent, 'isComposing' | 'keyCode'>): boolean =>
  isComposing || keyCode === 229
