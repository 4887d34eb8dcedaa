def fleet_picture(s):
    return ""
