/**
 * Browser storage that may be full, forbidden or missing: then nothing is stored, and the page still works. Where a
 * browser forbids storage, even reading the global `sessionStorage` throws.
 */
export function safeStorage(storage: () => Storage) {
  const attempt = <T>(act: (storage: Storage) => T): T | null => {
    try {
      return act(storage())
    } catch {
      return null
    }
  }
  return {
    getItem: (key: string): string | null => attempt(kept => kept.getItem(key)),
    setItem: (key: string, value: string): void => void attempt(kept => kept.setItem(key, value)),
    removeItem: (key: string): void => void attempt(kept => kept.removeItem(key)),
  }
}
