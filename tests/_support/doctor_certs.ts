import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Key and certificate of a server. */
export interface ServerCert {
  readonly key: string;
  readonly cert: string;
}

/** Certificates of each kind, of a CA that only this test knows. */
export interface CertShop {
  readonly caPath: string;
  issue(kind: CertKind): ServerCert;
  remove(): void;
}

/** What is wrong with a certificate, if anything. */
export type CertKind = "good" | "expired" | "future" | "wrong-name" | "soon" | "self-signed";

const DAY_MS = 86_400_000;
const CONFIG = `[ca]
default_ca=d
[d]
database=./index.txt
new_certs_dir=.
serial=./serial
default_md=sha256
policy=p
unique_subject=no
copy_extensions=copy
[p]
commonName=supplied
`;
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Validity in days from now, and the name. */
const KINDS: Readonly<Record<CertKind, readonly [number, number, string]>> = {
  good: [-1, 200, "localhost"],
  expired: [-30, -2, "localhost"],
  future: [2, 200, "localhost"],
  "wrong-name": [-1, 200, "other.test"],
  soon: [-1, 5, "localhost"],
  "self-signed": [0, 90, "localhost"],
};

/** Opens a CA with the openssl command. */
export function openCertShop(): CertShop {
  const folder = mkdtempSync(join(tmpdir(), "z4j-certs-"));
  const openssl = (...args: readonly string[]): void =>
    void execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  writeFileSync(join(folder, "ca.cnf"), CONFIG);
  writeFileSync(join(folder, "index.txt"), "");
  writeFileSync(join(folder, "serial"), "1000\n");
  const extension = ["-addext", "basicConstraints=critical,CA:TRUE"];
  const ca = ["-keyout", "ca.key", "-out", "ca.pem", "-days", "400", "-subj", "/CN=Stage CA"];
  openssl("req", "-x509", ...KEY, ...ca, ...extension);
  const at = (days: number): string =>
    new Date(Date.now() + days * DAY_MS).toISOString().replace(/[-:T]/g, "").slice(0, 14) + "Z";
  return {
    caPath: join(folder, "ca.pem"),
    issue(kind) {
      const [from, to, name] = KINDS[kind];
      const files = ["-keyout", `${kind}.key`, "-subj", `/CN=${name}`];
      const san = ["-addext", `subjectAltName=DNS:${name}`];
      if (kind === "self-signed") {
        openssl("req", "-x509", ...KEY, ...files, ...san, "-days", "90", "-out", `${kind}.pem`);
      } else {
        openssl("req", ...KEY, ...files, ...san, "-out", `${kind}.csr`);
        const sign = ["ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem"];
        const dates = ["-startdate", at(from), "-enddate", at(to)];
        const io = ["-keyfile", "ca.key", "-in", `${kind}.csr`, "-out", `${kind}.pem`];
        openssl(...sign, ...dates, ...io);
      }
      const read = (suffix: string): string => readFileSync(join(folder, kind + suffix), "utf8");
      return { key: read(".key"), cert: read(".pem") };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
