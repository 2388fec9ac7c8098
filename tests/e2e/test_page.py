from local.stack import Stack
from tools import web


def test_web_page_works_in_a_real_browser(stack: Stack) -> None:
    urls = {"PAGE_URL": stack.web_url, "API_URL": stack.api_url, "REKOGNITION_URL": stack.rekognition_url}
    web.npm("run", "test:browser", variables=urls)
