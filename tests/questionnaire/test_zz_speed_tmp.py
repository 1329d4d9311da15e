import time
def test_speed(world):
    r=world.firm()
    lines="\n".join(f"C{n},架空工業{n},JP,x{n}@supplier.example" for n in range(2000))
    t=time.time(); tried=r.call("POST","/imports",201,content=f"取引先コード,会社名,国,メールアドレス\n{lines}\n".encode()); print("import",time.time()-t)
    t=time.time(); r.post(f"/imports/{tried['id']}/confirm"); print("confirm",time.time()-t)
    t=time.time(); c=r.campaign(); print("draft",time.time()-t)
    t=time.time(); p=r.prepared(c); print("prepare",time.time()-t)
    t=time.time(); world.record(p["statement_id"],"request"); print("issue",time.time()-t)
