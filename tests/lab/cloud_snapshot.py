"""The lab's fabric as a cloud: what `aws ec2 describe-...` would print of it. Pure but for write().

The hosts of all leaves but the last are instances of one VPC, those of the last an office behind a VPN connection of two
tunnels, one of them up: its tunnel is on every flow between the two, and no trace shows it.
"""
import json

VPC, OFFICE_TUNNEL = "vpc-lab", "vpn-office_203.0.113.10"  # the tunnel as `topology import` calls it
GROUP, ACL, GATEWAY = "sg-lab", "acl-lab", "vgw-lab"
ANYWHERE = "0.0.0.0/0"


def _subnet(address):
    return address.rsplit(".", 1)[0] + ".0/24"


def _all_ports(admit):
    return [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]}] if admit else []


def _entry(egress):
    return {"CidrBlock": ANYWHERE, "Egress": egress, "Protocol": "-1", "RuleAction": "allow", "RuleNumber": 100}


def snapshot(addresses, office, admit=True):
    """{file name: document}. `addresses` of hosts by name, `office` the names of those that are not in the VPC; `admit` is
    whether the security group lets anybody in."""
    cloud = {name: address for name, address in addresses.items() if name not in office}
    subnets = sorted({_subnet(address) for address in cloud.values()})
    outside = sorted({_subnet(addresses[name]) for name in office})
    subnet_id = {prefix: f"subnet-{number}" for number, prefix in enumerate(subnets, 1)}
    interfaces = [{
        "NetworkInterfaceId": f"eni-{name}", "SubnetId": subnet_id[_subnet(address)], "VpcId": VPC, "Status": "in-use",
        "Groups": [{"GroupId": GROUP, "GroupName": "lab"}], "SourceDestCheck": True, "InterfaceType": "interface",
        "PrivateIpAddress": address, "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True}],
        "Attachment": {"InstanceId": f"i-{name}", "DeviceIndex": 0, "Status": "attached"}} for name, address in cloud.items()]
    instances = [{
        "InstanceId": f"i-{name}", "State": {"Name": "running"}, "SubnetId": subnet_id[_subnet(address)], "VpcId": VPC,
        "PrivateIpAddress": address, "Tags": [{"Key": "Name", "Value": name}],
        "NetworkInterfaces": [{"NetworkInterfaceId": f"eni-{name}"}]} for name, address in cloud.items()]
    routes = [{"DestinationCidrBlock": prefix, "GatewayId": "local", "State": "active"} for prefix in subnets]
    routes += [{"DestinationCidrBlock": prefix, "GatewayId": GATEWAY, "State": "active"} for prefix in outside]
    return {
        "vpcs.json": {"Vpcs": [{"VpcId": VPC, "State": "available", "CidrBlock": subnets[0], "CidrBlockAssociationSet": [
            {"CidrBlock": prefix, "CidrBlockState": {"State": "associated"}} for prefix in subnets]}]},
        "subnets.json": {"Subnets": [{"SubnetId": name, "VpcId": VPC, "CidrBlock": prefix, "AvailabilityZone": "lab-1a"}
                                     for prefix, name in subnet_id.items()]},
        "security-groups.json": {"SecurityGroups": [{
            "GroupId": GROUP, "GroupName": "lab", "VpcId": VPC, "IpPermissions": _all_ports(admit),
            "IpPermissionsEgress": _all_ports(True)}]},
        "network-acls.json": {"NetworkAcls": [{
            "NetworkAclId": ACL, "VpcId": VPC, "Entries": [_entry(False), _entry(True)],
            "Associations": [{"NetworkAclId": ACL, "SubnetId": name} for name in subnet_id.values()]}]},
        "route-tables.json": {"RouteTables": [{
            "RouteTableId": "rtb-lab", "VpcId": VPC, "Associations": [{"Main": True, "RouteTableId": "rtb-lab"}],
            "PropagatingVgws": [], "Routes": routes}]},
        "network-interfaces.json": {"NetworkInterfaces": interfaces},
        "instances.json": {"Reservations": [{"ReservationId": "r-lab", "Instances": instances}]},
        "vpn-gateways.json": {"VpnGateways": [{"VpnGatewayId": GATEWAY, "State": "available", "Type": "ipsec.1",
                                               "VpcAttachments": [{"State": "attached", "VpcId": VPC}]}]},
        "vpn-connections.json": {"VpnConnections": [{
            "VpnConnectionId": "vpn-office", "State": "available", "Type": "ipsec.1", "VpnGatewayId": GATEWAY,
            "Routes": [{"DestinationCidrBlock": prefix, "State": "available"} for prefix in outside],
            "VgwTelemetry": [{"OutsideIpAddress": "203.0.113.10", "Status": "UP"},
                             {"OutsideIpAddress": "203.0.113.11", "Status": "DOWN"}]}]},
    }


def write(folder, *arguments, **options):
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in snapshot(*arguments, **options).items():
        (folder / name).write_text(json.dumps(document))
    return folder
