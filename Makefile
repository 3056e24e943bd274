.PHONY: demo test torture pictures

demo:
	@sh .ci/setup live
	@.venv/bin/polyterm --demo $(ARGS)

test:
	@sh .ci/setup live,test
	@.venv/bin/python -m pytest -q -n auto --dist loadgroup $(ARGS)

torture:
	@sh .ci/setup live,test
	@.venv/bin/python -m pytest -m torture -v -s $(ARGS)

pictures:
	@sh .ci/setup live,test
	@.venv/bin/python -m tests.console.pictures $(ARGS)
