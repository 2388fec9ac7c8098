from local import page
from local.stack import Stack


def test_the_web_page_holds_what_it_promises_in_a_real_browser(stack: Stack) -> None:
    addresses = {"PAGE_URL": stack.page_url, "API_URL": stack.api_url, "REKOGNITION_URL": stack.rekognition_url}
    page.npm("run", "test:browser", variables=addresses)
