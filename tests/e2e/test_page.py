from local import page
from local.stack import Stack


def test_web_page_works_in_a_real_browser(stack: Stack) -> None:
    urls = {"PAGE_URL": stack.page_url, "API_URL": stack.api_url, "REKOGNITION_URL": stack.rekognition_url}
    page.npm("run", "test:browser", variables=urls)
