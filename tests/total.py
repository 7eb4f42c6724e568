"""Adds up the test results of several build directories: each check of a libcheck program, and
each other program as one; a build without results is one failure. Prints what was skipped and
why, then `N passed, N failed`, with `, N skipped` if any."""
import json
import os
import re
import sys

passed = failed = skipped = 0
for build in sys.argv[1:]:
    results = f"{build}/meson-logs/testlog.json"
    if not os.path.exists(results):
        failed += 1
        print(f"failed: {build}: not built or not run")
        continue
    with open(results, encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            output = test.get("stdout", "")
            checks = re.findall(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$",
                                output, re.M)
            if test["result"] == "SKIP":
                skipped += 1
                print(f"skipped: {build}: {test['name']}: {output.strip() or test.get('stderr', '').strip()}")
            elif checks:
                bad = sum(int(f) + int(e) for _, f, e in checks)
                ran = sum(int(n) for n, _, _ in checks)
                passed += ran - bad
                failed += bad
                if test["result"] != "OK" and not bad:
                    failed += 1
            elif test["result"] == "OK":
                passed += 1
            else:
                failed += 1
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(1 if failed or not passed else 0)
