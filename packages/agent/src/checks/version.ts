/** Why a version isn't one of those that this software was tried with (4.1 to 2023.2; docs/axon-server.md); undefined if it is. */
export function unknownVersion(version: string): string | undefined {
  const [major = NaN, minor = NaN] = version.split(".").map((part) => Number.parseInt(part, 10));
  if (major >= 2025 || (major === 2024 && minor > 2))
    return "newer than the versions that are known. Contexts of the DCB kind (from 2025.1) are not covered by these calls at all";
  if (major === 2024) return "newer than the versions that are known";
  if (major === 2023 || (major === 4 && minor >= 1)) return undefined;
  return "not one of the versions that are known, 4.1 to 2023.2";
}
