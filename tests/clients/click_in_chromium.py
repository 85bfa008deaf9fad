"""Opens a page in headless Chromium, clicks "Allow access" there, and says where that led.

usage: click_in_chromium.py URL

Drives chromedriver over HTTP, as WebDriver has it <https://www.w3.org/TR/webdriver2/>: no library is needed. Everything
ends within LIMIT_SECONDS.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

LIMIT_SECONDS = 60
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
]


def call(base, method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=LIMIT_SECONDS) as answer:
        return json.load(answer)["value"]


def port_of(driver):
    """chromedriver chooses a free port, and says which."""
    for line in driver.stdout:
        if "started successfully on port " in line:
            return int(line.rsplit("port ", 1)[1].strip(" .\n"))
    sys.exit("chromedriver does not start")


def click(base, url, profile):
    options = {"args": [*FLAGS, f"--user-data-dir={profile}"], "binary": "/usr/bin/chromium"}
    capabilities = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
    session = "/session/" + call(base, "POST", "/session", {"capabilities": capabilities})["sessionId"]
    try:
        call(base, "POST", f"{session}/url", {"url": url})
        selector = {"using": "css selector", "value": "button[value=allow]"}
        button = call(base, "POST", f"{session}/element", selector)[ELEMENT]
        call(base, "POST", f"{session}/element/{button}/click", {})
        came_to = url
        while came_to == url:
            time.sleep(0.05)
            came_to = call(base, "GET", f"{session}/url")
        print(f"clicked, and came to {came_to.split('?')[0]}", flush=True)
    finally:
        call(base, "DELETE", session)


def main(url):
    signal.alarm(LIMIT_SECONDS)
    driver = subprocess.Popen(["/usr/bin/chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            click(f"http://127.0.0.1:{port_of(driver)}", url, profile)
    finally:
        driver.terminate()
        driver.wait()


main(sys.argv[1])
